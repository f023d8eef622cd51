/**
 * Norm of the gradient of -log p_t at the logits of its row: the gradient is p - onehot(t), so its square is
 * sum_v p_v^2 - 2 p_t + 1 = (1 - p_t)^2 + sum_{v != t} p_v^2.
 *
 * `probSquareSum` is sum_v p_v^2 in float32. Near p_t = 1 the difference to p_t^2 is its rounding noise; the sum of the
 * other squares lies between 0 and (1 - p_t)^2 whatever the noise says, and 1 - p_t is exact from the log-probability.
 */
export function gradNorm(logProb: number, probSquareSum: number): number {
  const missing = -Math.expm1(logProb)
  const others = Math.min(Math.max(probSquareSum - Math.exp(2 * logProb), 0), missing * missing)
  return Math.sqrt(missing * missing + others)
}
