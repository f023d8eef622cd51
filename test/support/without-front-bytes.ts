import assert from 'node:assert/strict'

/** A model as it is listed, without the memory of the front process, which is measured at each request. */
export function withoutFrontBytes(model: unknown): unknown {
  const { memory, ...others } = model as { memory: { front_bytes: number } }
  const { front_bytes: frontBytes, ...predicted } = memory
  assert.ok(frontBytes > 0)
  return { ...others, memory: predicted }
}
