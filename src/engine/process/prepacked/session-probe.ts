import { createHash } from 'node:crypto'
import type { Batch } from '../../engine.ts'
import type { InferenceSession, Tensor } from '../onnxruntime.ts'

/** Sequences x tokens: a single row, several rows, and more rows than the block size of the matrix kernels. */
const SHAPES = [
  [1, 2],
  [1, 6],
  [3, 17],
  [1, 40],
  [2, 60]
] as const

/** Feeds of the scoring graph for the plain pass over a batch. */
export type FeedsOf = (batch: Batch) => Readonly<Record<string, Tensor>>

interface ProbeParts {
  readonly feedsOf: FeedsOf
  readonly vocabSize: number
  readonly maxModelLen: number
}

/** SHA-256 over all outputs of a few fixed passes: equal for two sessions only when every bit of the outputs is. */
export async function probeSha256(session: InferenceSession, { feedsOf, vocabSize, maxModelLen }: ProbeParts): Promise<string> {
  const hash = createHash('sha256')
  for (const [sequences, tokens] of SHAPES) {
    const feeds = feedsOf(probeBatch(sequences, Math.max(2, Math.min(tokens, maxModelLen)), vocabSize))
    const outputs = await session.run(feeds)
    for (const [name, tensor] of Object.entries(outputs).sort(([a], [b]) => (a < b ? -1 : 1)))
      hash.update(`${name} ${tensor.dims.join(' ')}`).update(bytesOf(tensor))
  }
  return hash.digest('hex')
}

/** Fixed ids from the whole vocabulary. */
function probeBatch(sequences: number, tokens: number, vocabSize: number): Batch {
  const ids = (b: number): Int32Array => Int32Array.from({ length: tokens }, (_, i) => (b * 104_729 + i * 7919 + tokens * 31) % vocabSize)
  return { sequences: Array.from({ length: sequences }, (_, b) => ({ ids: ids(b), firstScored: 1 })), topCount: sequences > 1 ? 3 : null }
}

function bytesOf({ data }: Tensor): Uint8Array {
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data.join('\n'))
}
