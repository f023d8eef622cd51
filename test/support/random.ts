/** Random numbers that depend only on the seed. */
export interface Random {
  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number
  of<T>(values: readonly T[]): T
  /** Token ids that every tiny model has, without the prefix token. */
  ids(count: number): number[]
}

const SMALLEST_VOCABULARY = 200

/** mulberry32 */
export function randomOf(seed: number): Random {
  let state = seed
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const between = (least: number, most: number): number => least + Math.floor(unit() * (most - least + 1))
  return {
    between,
    of: (values) => values[between(0, values.length - 1)]!,
    ids: (count) => Array.from({ length: count }, () => between(1, SMALLEST_VOCABULARY - 1))
  }
}
