import type { Batch } from '../../src/engine/engine.ts'
import { RandomNormal } from '../models/random-normal.ts'

/** So many sequences that feed so many tokens each; the last `rows` of each are scored, all by default. Ids come from a seed. */
export function randomBatch(vocabSize: number, sequences: number, tokens: number, rows = tokens, topCount: number | null = null): Batch {
  const random = new RandomNormal(1)
  const one = (): Batch['sequences'][number] => ({
    ids: Int32Array.from({ length: tokens + 1 }, () => random.integer(vocabSize)),
    firstScored: tokens + 1 - rows
  })
  return { sequences: Array.from({ length: sequences }, one), topCount }
}
