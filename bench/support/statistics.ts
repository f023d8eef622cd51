/** A quantile, interpolated between neighbouring values; NaN for an empty sample. */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b)
  const position = share * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(position)] ?? Number.NaN, sorted[Math.ceil(position)] ?? Number.NaN]
  return below + (above - below) * (position - Math.floor(position))
}

export function median(sample: readonly number[]): number {
  return quantile(sample, 0.5)
}

/** Median of the ratios a[i] / b[i] of measurements made in direct succession, so that a slow phase affects both. */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, i) => value / b[i]!))
}

export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

/** Rounds long lists of samples, whose further digits are noise. */
export function toTenths(value: number): number {
  return Math.round(10 * value) / 10
}
