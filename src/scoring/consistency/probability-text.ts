/** exp of a log-probability for a sentence, six digits: powers of ten where float64 has 0 or Infinity. */
export function probabilityText(logProb: number): string {
  const probability = Math.exp(logProb)
  if (probability > 0 && Number.isFinite(probability)) return String(Number(probability.toPrecision(6)))
  return `about 10^${(logProb / Math.LN10).toFixed(1)}`
}
