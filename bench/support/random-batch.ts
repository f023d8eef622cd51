import type { Batch } from '../../src/engine/engine.ts'
import { RandomNormal } from '../models/random-normal.ts'

/**
 * A batch of random sequences of equal length. The last `rows` rows of each are scored, by default all. Ids come from a
 * seed.
 */
export function randomBatch(vocabSize: number, sequences: number, tokens: number, rows = tokens, topCount: number | null = null): Batch {
  const random = new RandomNormal(1)
  const one = (): Batch['sequences'][number] => ({
    ids: Int32Array.from({ length: tokens + 1 }, () => random.integer(vocabSize)),
    firstScored: tokens + 1 - rows
  })
  return { sequences: Array.from({ length: sequences }, one), topCount }
}
