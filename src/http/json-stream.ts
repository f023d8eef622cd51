import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { isSliceOver, nextSlice } from '../event-loop.ts'
import { activeTracing } from '../observability/tracing.ts'

/** Bytes of one write to the socket. */
const WRITE_BYTES = 65_536

/** The parts of an object that has one long list among its fields: `head`, the list, then `tail`. */
export function* partsWithList(head: object, name: string, items: Iterable<Buffer | string>, tail: object): Generator<Buffer | string> {
  yield `${JSON.stringify(head).slice(0, -1)},${JSON.stringify(name)}:[`
  yield* separated(items)
  yield `],${JSON.stringify(tail).slice(1)}`
}

export function* partsOfList(items: Iterable<Buffer | string>): Generator<Buffer | string> {
  yield '['
  yield* separated(items)
  yield ']'
}

/** The JSON text of each value, written when it is read. */
export function* jsonOfEach(values: Iterable<unknown>): Generator<string> {
  for (const value of values) yield JSON.stringify(value)
}

function* separated(items: Iterable<Buffer | string>): Generator<Buffer | string> {
  let isFirst = true
  for (const item of items) {
    if (!isFirst) yield ','
    isFirst = false
    yield item
  }
}

/** Sends JSON text, joined to writes of some size in slices, with its length. */
export async function sendJson(reply: FastifyReply, parts: Iterable<Buffer | string>): Promise<FastifyReply> {
  const tracing = activeTracing()
  const { writes, sizeBytes } = tracing === null ? await joined(parts) : await tracing.measure('serialize', {}, () => joined(parts))
  reply.type('application/json; charset=utf-8')
  const [only] = writes
  if (writes.length === 1 && only !== undefined) return reply.send(only)
  return reply.header('content-length', sizeBytes).send(Readable.from(writes, { objectMode: false }))
}

/** Joins parts to writes of some size, in slices. */
export async function joined(parts: Iterable<Buffer | string>): Promise<{ readonly writes: readonly Buffer[]; readonly sizeBytes: number }> {
  const writes: Buffer[] = []
  let texts: Buffer[] = []
  let size = 0
  let sizeBytes = 0
  const flush = (): void => {
    writes.push(texts.length === 1 ? (texts[0] as Buffer) : Buffer.concat(texts, size))
    texts = []
    size = 0
  }
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    texts.push(bytes)
    size += bytes.length
    sizeBytes += bytes.length
    if (size >= WRITE_BYTES) flush()
    if (isSliceOver()) await nextSlice()
  }
  if (size > 0) flush()
  return { writes, sizeBytes }
}
