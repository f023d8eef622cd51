import { elementAt } from '../../element-at.ts'
import type { LogProbSums, ScoredSequence } from '../scored-sequence.ts'
import { type Check, check } from './check.ts'

/** float32 rounding can lift the log-probability of a certain token this far above 0, nats. */
const ZERO_TOLERANCE = 1e-5
/** Relative to |joint|. The sums are float64 sums of the same log-probabilities. */
const ADDITIVITY_TOLERANCE = 1e-9

/** `finite`. `value` is the first position that is not finite. */
export function finiteCheck({ logProbs }: ScoredSequence): Check {
  const bad = logProbs.findIndex((value) => value !== null && !Number.isFinite(value))
  if (bad === -1) return check('finite', 'pass', 'every log-probability is a finite number', { independent: true })
  return check('finite', 'fail', `the log-probability at position ${bad} is not a finite number`, {
    independent: true,
    value: bad
  })
}

/** `log_prob_le_zero`. `value` is the largest log-probability, nats. */
export function atMostZeroCheck({ logProbs }: ScoredSequence): Check {
  const largest = logProbs.reduce<number>((most, value) => (value === null ? most : Math.max(most, value)), Number.NEGATIVE_INFINITY)
  const finding = { independent: true, value: Number.isFinite(largest) ? largest : null, tolerance: ZERO_TOLERANCE }
  if (!(largest > ZERO_TOLERANCE)) return check('log_prob_le_zero', 'pass', 'no token has a probability above 1', finding)
  return check('log_prob_le_zero', 'fail', 'a token has a probability above 1', finding)
}

/** `prefix_monotone`. `value` is the first position where the cumulative log-probability rises. */
export function monotoneCheck({ logProbs }: ScoredSequence): Check {
  const first = logProbs.findIndex((value) => value !== null && value > ZERO_TOLERANCE)
  if (first === -1) return check('prefix_monotone', 'pass', 'the cumulative log-probability never rises', { tolerance: ZERO_TOLERANCE })
  return check('prefix_monotone', 'fail', `the cumulative log-probability rises at position ${first}`, { value: first, tolerance: ZERO_TOLERANCE })
}

/** `joint_le_marginal`. `value` is joint - marginal, nats. */
export function jointLeMarginalCheck({ joint, marginal }: LogProbSums): Check {
  if (joint === null || marginal === null) return check('joint_le_marginal', 'skipped', 'joint and marginal were not both computed')
  const value = joint - marginal
  const finding = { value, tolerance: 0 }
  if (value <= 0) return check('joint_le_marginal', 'pass', 'Pr([x,y]) is at most Pr(x), as it must be when both are sums from the same pass', finding)
  return check('joint_le_marginal', 'fail', 'Pr([x,y]) is above Pr(x)', finding)
}

/** `additivity`. `value` is |joint - marginal - conditional|, nats. */
export function additivityCheck({ joint, marginal, conditional }: LogProbSums): Check {
  if (joint === null || marginal === null || conditional === null)
    return check('additivity', 'skipped', 'joint, marginal and conditional were not all computed')
  const value = Math.abs(joint - marginal - conditional)
  const tolerance = ADDITIVITY_TOLERANCE * Math.max(1, Math.abs(joint))
  if (value <= tolerance)
    return check('additivity', 'pass', 'joint, marginal and conditional agree, so each token was counted exactly once', { value, tolerance })
  return check('additivity', 'fail', 'the joint is not the sum of marginal and conditional', { value, tolerance })
}

/**
 * `greedy_consistent`. In each row the arg-max is at least as probable as the scored token, and equally probable if it
 * is the scored token or if the scored token has rank 1. The converse does not hold: two logits can differ by less than
 * float32 resolves after subtracting the log-sum-exp, which gives them different ranks and the same log-probability.
 * `value` is the first position that disagrees.
 */
export function greedyCheck({ ids, logProbs, best, ranks }: ScoredSequence): Check {
  const bad = logProbs.findIndex((logProb, position) => {
    const top = elementAt(best, position)
    const rank = elementAt(ranks, position)
    if (logProb === null || top === null) return false
    const isBest = top.id === ids[position]
    const mustTie = isBest || rank === 1
    return logProb > top.logProb || (mustTie && logProb !== top.logProb) || (isBest && rank !== null && rank !== 1)
  })
  if (bad === -1) return check('greedy_consistent', 'pass', 'the arg-max, the scored token and its rank agree in every row', { independent: true })
  return check('greedy_consistent', 'fail', `the arg-max, the scored token and its rank disagree at position ${bad}`, {
    independent: true,
    value: bad
  })
}
