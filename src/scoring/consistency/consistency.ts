import {
  CAUSES_OF_BAD_COUNT,
  CAUSES_OF_JOINT_ABOVE_MARGINAL,
  CAUSES_OF_MASS_WITHOUT_TOKENS,
  CAUSES_OF_NO_ADDITIVITY,
  CAUSES_OF_NOISE,
  CAUSES_OF_POSITIVE
} from './causes.ts'
import { type ReportedLogProbs, tokenViolations, type Violation } from './token-violations.ts'

/** The largest |log-probability| that is taken: differences of such numbers stay finite. */
export const MAX_NATS = 1e12

interface Consistency {
  readonly consistent: boolean
  readonly violations: readonly Violation[]
  /**
   * What joint and marginal say of log Pr(y | x) and of Pr(y | x). A probability that float64 cannot hold is left out,
   * and the note says what it would be.
   */
  readonly implied: { readonly conditional: number; readonly probability?: number; readonly probability_note?: string }
}

/** Nats that one sum may be off when it was computed by itself in float32, and that a difference of two sums may be. */
const TOLERANCE = 1e-3
/** Three numbers rounded to three decimals can be so far from adding up. */
const ADDITIVITY_TOLERANCE = 2e-3
/** What separate passes in low precision can differ by, at most, for one token. */
const NOISE = 0.5

/** Whether reported log-probabilities can belong to one model and one (x, y): the chain rule, and that no probability exceeds 1. */
export function consistencyOf(reported: ReportedLogProbs): Consistency {
  const { joint, marginal, conditional, xTokens, yTokens, tokenLogProbs } = reported
  const implied = joint - marginal
  const violations: Violation[] = []
  for (const [name, value] of Object.entries({ joint, marginal, ...(conditional === undefined ? {} : { conditional }) })) {
    if (value > TOLERANCE)
      violations.push({
        rule: 'log_prob_le_zero',
        message: `${name} is ${value}, a probability of ${probabilityText(value)}, which is above 1`,
        possible_causes: CAUSES_OF_POSITIVE
      })
  }
  if (implied > TOLERANCE)
    violations.push({
      rule: 'joint_le_marginal',
      message: `joint ${joint} is above marginal ${marginal}: Pr(y|x) would be ${probabilityText(implied)}, which is above 1`,
      possible_causes: [
        ...meansReading(reported),
        ...CAUSES_OF_JOINT_ABOVE_MARGINAL.slice(0, -1),
        ...(implied <= NOISE ? CAUSES_OF_NOISE : []),
        ...CAUSES_OF_JOINT_ABOVE_MARGINAL.slice(-1)
      ]
    })
  if (conditional !== undefined && Math.abs(implied - conditional) > ADDITIVITY_TOLERANCE)
    violations.push({
      rule: 'additivity',
      message: `joint - marginal is ${implied}, not the conditional ${conditional}`,
      possible_causes: CAUSES_OF_NO_ADDITIVITY
    })
  violations.push(...emptyParts(reported))
  if (tokenLogProbs === undefined) return answer(implied, violations)

  const counts = countsOf(tokenLogProbs.length, xTokens, yTokens)
  if (counts === 'contradiction')
    violations.push({
      rule: 'token_count',
      message: `token_log_probs has ${tokenLogProbs.length} entries, not ${countText(xTokens, yTokens)}`,
      possible_causes: CAUSES_OF_BAD_COUNT
    })
  violations.push(...tokenViolations(tokenLogProbs, reported, counts === 'contradiction' ? null : counts, TOLERANCE))
  return answer(implied, violations)
}

function answer(implied: number, violations: readonly Violation[]): Consistency {
  const probability = Math.exp(implied)
  const isHeld = probability > 0 && Number.isFinite(probability)
  return {
    consistent: violations.length === 0,
    violations,
    implied: {
      conditional: implied,
      ...(isHeld ? { probability } : { probability_note: `exp(${implied}) is ${probabilityText(implied)}, which a float64 number cannot hold` })
    }
  }
}

/** Read as means per token the two numbers may be a healthy pair of sums. */
function meansReading({ joint, marginal, xTokens, yTokens }: ReportedLogProbs): string[] {
  if (xTokens === undefined || yTokens === undefined || xTokens === 0) return []
  const [jointSum, marginalSum] = [joint * (xTokens + yTokens), marginal * xTokens]
  if (jointSum > marginalSum) return []
  return [
    `means per token were reported in place of sums: over ${xTokens + yTokens} and ${xTokens} tokens they would be sums of ${jointSum} and ${marginalSum}, which can belong together`
  ]
}

/** A part without tokens has the log-probability 0. */
function emptyParts({ joint, marginal, xTokens, yTokens }: ReportedLogProbs): Violation[] {
  const empty = (message: string): Violation => ({ rule: 'empty_part', message, possible_causes: CAUSES_OF_MASS_WITHOUT_TOKENS })
  return [
    ...(xTokens === 0 && Math.abs(marginal) > TOLERANCE ? [empty(`x has no tokens, so marginal is 0, not ${marginal}`)] : []),
    ...(yTokens === 0 && Math.abs(joint - marginal) > TOLERANCE ? [empty(`y has no tokens, so joint is marginal; they differ by ${joint - marginal}`)] : [])
  ]
}

/** How many of `length` tokens are x: known from either count, null from none. */
function countsOf(length: number, xTokens: number | undefined, yTokens: number | undefined): number | null | 'contradiction' {
  if (xTokens === undefined && yTokens === undefined) return null
  const x = xTokens ?? length - (yTokens ?? 0)
  const y = yTokens ?? length - x
  return x >= 0 && y >= 0 && x + y === length ? x : 'contradiction'
}

function countText(xTokens: number | undefined, yTokens: number | undefined): string {
  if (xTokens !== undefined && yTokens !== undefined) return `x_tokens ${xTokens} + y_tokens ${yTokens} = ${xTokens + yTokens}`
  return xTokens === undefined ? `at least the ${yTokens} of y_tokens` : `at least the ${xTokens} of x_tokens`
}

/** exp of a log-probability for a sentence, six digits: powers of ten where float64 has 0 or Infinity. */
function probabilityText(logProb: number): string {
  const probability = Math.exp(logProb)
  if (probability > 0 && Number.isFinite(probability)) return String(Number(probability.toPrecision(6)))
  return `about 10^${(logProb / Math.LN10).toFixed(1)}`
}
