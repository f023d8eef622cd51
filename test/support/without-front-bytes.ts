import assert from 'node:assert/strict'

/** A model as it is listed, without the memory of the front process, which is measured at each request, and the sum. */
export function withoutFrontBytes(model: unknown): unknown {
  const { memory, ...others } = model as { memory: { front_bytes: number; total_bytes: number } }
  const { front_bytes: frontBytes, total_bytes: totalBytes, ...predicted } = memory
  assert.ok(frontBytes > 0 && totalBytes > 0)
  return { ...others, memory: predicted }
}
