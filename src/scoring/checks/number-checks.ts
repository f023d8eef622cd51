import { elementAt } from '../../element-at.ts'
import type { LogProbSums, ScoredSequence } from '../scored-sequence.ts'
import { type Check, check } from './check.ts'

/** What float32 rounding may lift the log-probability of a certain token above 0, nats. */
const ZERO_TOLERANCE = 1e-5
/** Of the sums, relative to |joint|: they are float64 sums of the same numbers. */
const ADDITIVITY_TOLERANCE = 1e-9

/** `finite`: every log-probability that was used is a finite number. */
export function finiteCheck({ logProbs }: ScoredSequence): Check {
  const bad = logProbs.findIndex((value) => value !== null && !Number.isFinite(value))
  if (bad === -1) return check('finite', 'pass', 'every log-probability is a finite number', { independent: true })
  return check('finite', 'fail', `the log-probability at position ${bad} is not a finite number: half-precision overflow, or damaged weights`, {
    independent: true,
    value: bad
  })
}

/** `log_prob_le_zero`: no token is more probable than certain. `value` is the largest log-probability. */
export function atMostZeroCheck({ logProbs }: ScoredSequence): Check {
  const largest = logProbs.reduce<number>((most, value) => (value === null ? most : Math.max(most, value)), Number.NEGATIVE_INFINITY)
  const finding = { independent: true, value: Number.isFinite(largest) ? largest : null, tolerance: ZERO_TOLERANCE }
  if (!(largest > ZERO_TOLERANCE)) return check('log_prob_le_zero', 'pass', 'no token has a probability above 1', finding)
  return check('log_prob_le_zero', 'fail', 'a token has a probability above 1: logits instead of log-probabilities, or the wrong row', finding)
}

/** `prefix_monotone`: a running sum that never rises. `value` is the first position where it does. */
export function monotoneCheck({ logProbs }: ScoredSequence): Check {
  const first = logProbs.findIndex((value) => value !== null && value > ZERO_TOLERANCE)
  if (first === -1) return check('prefix_monotone', 'pass', 'no longer part of the sequence is more probable than a shorter one', { tolerance: ZERO_TOLERANCE })
  return check('prefix_monotone', 'fail', `the sequence becomes more probable at position ${first}`, { value: first, tolerance: ZERO_TOLERANCE })
}

/** `joint_le_marginal`: log Pr([x, y]) <= log Pr(x). `value` is their difference. */
export function jointLeMarginalCheck({ joint, marginal }: LogProbSums): Check {
  if (joint === null || marginal === null) return check('joint_le_marginal', 'skipped', 'joint and marginal were not both computed')
  const value = joint - marginal
  const finding = { value, tolerance: 0 }
  if (value <= 0)
    return check(
      'joint_le_marginal',
      'pass',
      'x and y together are at most as probable as x alone; a tautology in one pass, where both sum the same numbers',
      finding
    )
  return check(
    'joint_le_marginal',
    'fail',
    'x and y together came out more probable than x alone: tokens were counted in the wrong part, or a token has a probability above 1',
    finding
  )
}

/** `additivity`: joint = marginal + conditional. `value` is |joint - marginal - conditional|. */
export function additivityCheck({ joint, marginal, conditional }: LogProbSums): Check {
  if (joint === null || marginal === null || conditional === null)
    return check('additivity', 'skipped', 'joint, marginal and conditional were not all computed')
  const value = Math.abs(joint - marginal - conditional)
  const tolerance = ADDITIVITY_TOLERANCE * Math.max(1, Math.abs(joint))
  if (value <= tolerance) return check('additivity', 'pass', 'the three sums agree, so each token was counted exactly once', { value, tolerance })
  return check('additivity', 'fail', 'the three sums do not agree: a token was counted twice or lost between x and y', { value, tolerance })
}

/**
 * `greedy_consistent`: at each row the arg-max is at least as probable as the target, equal when it is the target, and a
 * rank of 1 goes with no token above. Not the other way round: logits that differ by less than float32 keeps beside
 * logsumexp have different ranks and one log-probability. `value` is the first position where they disagree.
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
  if (bad === -1) return check('greedy_consistent', 'pass', 'arg-max, target and rank agree at every row', { independent: true })
  return check('greedy_consistent', 'fail', `arg-max, target and rank disagree at position ${bad}: numbers of different rows were mixed`, {
    independent: true,
    value: bad
  })
}
