import { elementAt } from '../../element-at.ts'
import { isTrained, type LogProbs, type Reason } from './labels.ts'

/** Sums over the tokens of one sequence, nats. */
export interface LossTotals {
  /** sum of weight * -log p */
  readonly lossSum: number
  /** lossSum / denominator; null if the denominator is 0, where a training run prints NaN. */
  readonly lossMean: number | null
  /** Sum of the weights: n_y, or n_y + w n_x with a prompt loss weight w. */
  readonly denominator: number
  /** n_y: completion and end tokens that a row predicts. */
  readonly trainedTokens: number
  /** The loss as if every token were trained. */
  readonly fullSequence: { readonly lossSum: number; readonly lossMean: number | null; readonly tokens: number }
  /** Sum of log p over all tokens. */
  readonly joint: number
  /** Over tokens that are not trained; null if there are such tokens but no row predicts them. */
  readonly marginal: number | null
  /** Over trained tokens. */
  readonly conditional: number
  /** Over trained end tokens; null without one. */
  readonly eos: number | null
}

interface LabelledSequence {
  readonly reasons: readonly Reason[]
  /** Nats; null where no row predicts the token. */
  readonly logProbs: LogProbs
  readonly weights: readonly number[]
}

/** Sums in float64, each in the order of the tokens, as in /v1/logprob. */
export function lossTotals({ reasons, logProbs, weights }: LabelledSequence): LossTotals {
  const sumWhere = (belongs: (reason: Reason, i: number) => boolean): { sum: number; count: number } => {
    let sum = 0
    let count = 0
    reasons.forEach((reason, i) => {
      const logProb = elementAt(logProbs, i)
      if (logProb === null || !belongs(reason, i)) return
      sum += logProb
      count++
    })
    return { sum, count }
  }
  const all = sumWhere(() => true)
  const trained = sumWhere(isTrained)
  const given = sumWhere((reason) => !isTrained(reason))
  const ends = sumWhere((reason) => reason === 'eos')
  const hasGiven = reasons.some((reason) => !isTrained(reason) && reason !== 'bos')
  const denominator = weights.reduce((sum, weight) => sum + weight, 0)
  const lossSum = weights.reduce((sum, weight, i) => (weight === 0 ? sum : sum - weight * (elementAt(logProbs, i) ?? 0)), 0)
  return {
    lossSum,
    lossMean: denominator === 0 ? null : lossSum / denominator,
    denominator,
    trainedTokens: trained.count,
    fullSequence: { lossSum: 0 - all.sum, lossMean: all.count === 0 ? null : -all.sum / all.count, tokens: all.count },
    joint: all.sum,
    marginal: hasGiven && given.count === 0 ? null : given.sum,
    conditional: trained.sum,
    eos: ends.count === 0 ? null : ends.sum
  }
}

/**
 * Norm of the gradient of -log p_t with respect to the logits of its row. The gradient is p - onehot(t), so the squared
 * norm is (1 - p_t)^2 + sum_{v != t} p_v^2.
 *
 * `probSquareSum` is sum_v p_v^2 in float32. Near p_t = 1, subtracting p_t^2 leaves only rounding noise. The sum over
 * v != t is therefore clamped to its bounds, 0 and (1 - p_t)^2, where 1 - p_t comes from the log-probability.
 */
export function gradNorm(logProb: number, probSquareSum: number): number {
  const missing = -Math.expm1(logProb)
  const others = Math.min(Math.max(probSquareSum - Math.exp(2 * logProb), 0), missing * missing)
  return Math.sqrt(missing * missing + others)
}
