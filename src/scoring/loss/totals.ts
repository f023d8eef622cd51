import { elementAt } from '../../element-at.ts'
import { isTrained, type LogProbs, type Reason } from './labels.ts'

/** Sums over the tokens of one sequence, nats. */
export interface LossTotals {
  /** sum of weight * -log p */
  readonly lossSum: number
  /** lossSum / denominator; null when nothing is trained, where a training run has 0/0, NaN. */
  readonly lossMean: number | null
  /** Sum of the weights: n_y, or n_y + w n_x with a prompt loss weight w. */
  readonly denominator: number
  /** Completion and end tokens that a row predicts: n_y. */
  readonly trainedTokens: number
  /** The loss as if every token were trained. */
  readonly fullSequence: { readonly lossSum: number; readonly lossMean: number | null; readonly tokens: number }
  /** Sums of log p over all tokens, over those that are not trained, and over those that are. */
  readonly joint: number
  /** Null when no row predicts any of several given tokens. */
  readonly marginal: number | null
  readonly conditional: number
  /** Sum over trained end tokens; null without one. */
  readonly eos: number | null
}

interface LabelledSequence {
  readonly reasons: readonly Reason[]
  /** Nats; null where no row predicts the token. */
  readonly logProbs: LogProbs
  readonly weights: readonly number[]
}

/** Each sum runs on its own over its tokens in order, in float64, as the sums of /v1/logprob do. */
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
