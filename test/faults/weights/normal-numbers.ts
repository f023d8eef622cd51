/**
 * Normally distributed random numbers with mean 0 and standard deviation 1, determined by the seed.
 * Generator: mulberry32 (Tommy Ettinger); transform: Box-Muller.
 */
export function normalNumbers(seed: number): () => number {
  let state = seed
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    // Never 0, because of the logarithm.
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}
