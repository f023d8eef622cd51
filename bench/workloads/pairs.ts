import type { Slice } from './item.ts'
import { RandomIds } from './random-ids.ts'

/** Smallest and largest number of tokens. */
export const X_TOKENS = [16, 256] as const
export const Y_TOKENS = [4, 64] as const

/**
 * Pairs that share nothing, divided into slices of equal work: lengths are spread evenly, and slice i of n takes every
 * n-th of them.
 */
export function pairSlices(seed: number, vocabSize: number, pairs: number, slices: number): Slice[] {
  const random = new RandomIds(seed, vocabSize)
  const spread = ([least, most]: readonly [number, number], i: number): number => least + Math.round(((most - least) * i) / (pairs - 1))
  const all = Array.from({ length: pairs }, (_, i) => ({
    context: random.begun(spread(X_TOKENS, i)),
    // Coprime to powers of two, so that the lengths of y are spread over those of x.
    continuation: random.ids(spread(Y_TOKENS, (i * 37) % pairs))
  }))
  return Array.from({ length: slices }, (_, slice) => {
    const items = all.filter((_, i) => i % slices === slice)
    return { items, part: items }
  })
}
