import {
  CAUSES_OF_BAD_COUNT,
  CAUSES_OF_JOINT_ABOVE_MARGINAL,
  CAUSES_OF_MASS_WITHOUT_TOKENS,
  CAUSES_OF_NO_ADDITIVITY,
  CAUSES_OF_NOISE,
  CAUSES_OF_POSITIVE
} from './causes.ts'
import { type ReportedLogProbs, tokenViolations, type Violation } from './token-violations.ts'

/** Largest |log-probability| accepted, nats: the difference of two such values stays finite. */
export const MAX_NATS = 1e12

interface Consistency {
  readonly consistent: boolean
  readonly violations: readonly Violation[]
  /**
   * log Pr(y | x) and Pr(y | x) according to joint and marginal. If float64 cannot represent the probability, it is
   * left out and the note describes it.
   */
  readonly implied: { readonly conditional: number; readonly probability?: number; readonly probability_note?: string }
}

/** Error of a sum computed in float32, or of a difference of two such sums, nats. */
const TOLERANCE = 1e-3
/** Three values rounded to three decimals can differ from additivity by this much, nats. */
const ADDITIVITY_TOLERANCE = 2e-3
/** Largest difference of one token between two passes in low precision, nats. */
const NOISE = 0.5

/**
 * Tests whether reported log-probabilities can come from one model and one (x, y): chain rule, and no probability
 * above 1.
 */
export function consistencyOf(reported: ReportedLogProbs): Consistency {
  const { joint, marginal, conditional, xTokens, yTokens, tokenLogProbs } = reported
  const implied = joint - marginal
  const violations: Violation[] = []
  for (const [name, value] of Object.entries({ joint, marginal, ...(conditional === undefined ? {} : { conditional }) })) {
    if (value > TOLERANCE)
      violations.push({
        rule: 'log_prob_le_zero',
        message: `${name} is ${value}: a probability of ${probabilityText(value)}, above 1`,
        possible_causes: CAUSES_OF_POSITIVE
      })
  }
  if (implied > TOLERANCE)
    violations.push({
      rule: 'joint_le_marginal',
      message: `joint ${joint} is above marginal ${marginal}, so Pr(y|x) would be ${probabilityText(implied)}, above 1`,
      possible_causes: [
        ...meansAsSums(reported),
        ...CAUSES_OF_JOINT_ABOVE_MARGINAL.slice(0, -1),
        ...(implied <= NOISE ? CAUSES_OF_NOISE : []),
        ...CAUSES_OF_JOINT_ABOVE_MARGINAL.slice(-1)
      ]
    })
  if (conditional !== undefined && Math.abs(implied - conditional) > ADDITIVITY_TOLERANCE)
    violations.push({
      rule: 'additivity',
      message: `joint - marginal is ${implied}, but conditional is ${conditional}`,
      possible_causes: CAUSES_OF_NO_ADDITIVITY
    })
  violations.push(...emptyParts(reported))
  if (tokenLogProbs === undefined) return answer(implied, violations)

  const counts = countsOf(tokenLogProbs.length, xTokens, yTokens)
  if (counts === 'contradiction')
    violations.push({
      rule: 'token_count',
      message: `token_log_probs has ${tokenLogProbs.length} entries instead of ${countText(xTokens, yTokens)}`,
      possible_causes: CAUSES_OF_BAD_COUNT
    })
  violations.push(...tokenViolations(tokenLogProbs, reported, counts === 'contradiction' ? null : counts, TOLERANCE))
  return answer(implied, violations)
}

function answer(implied: number, violations: readonly Violation[]): Consistency {
  const probability = Math.exp(implied)
  const isRepresentable = probability > 0 && Number.isFinite(probability)
  return {
    consistent: violations.length === 0,
    violations,
    implied: {
      conditional: implied,
      ...(isRepresentable ? { probability } : { probability_note: `exp(${implied}) is ${probabilityText(implied)}, which float64 cannot represent` })
    }
  }
}

/** A cause to list first if the two values, read as means per token, give sums that fit together. */
function meansAsSums({ joint, marginal, xTokens, yTokens }: ReportedLogProbs): string[] {
  if (xTokens === undefined || yTokens === undefined || xTokens === 0) return []
  const [jointSum, marginalSum] = [joint * (xTokens + yTokens), marginal * xTokens]
  if (jointSum > marginalSum) return []
  return [
    `means per token were reported instead of sums: for ${xTokens + yTokens} and ${xTokens} tokens they would be sums of ${jointSum} and ${marginalSum}, which are consistent`
  ]
}

/** A part without tokens has the log-probability 0. */
function emptyParts({ joint, marginal, xTokens, yTokens }: ReportedLogProbs): Violation[] {
  const empty = (message: string): Violation => ({ rule: 'empty_part', message, possible_causes: CAUSES_OF_MASS_WITHOUT_TOKENS })
  return [
    ...(xTokens === 0 && Math.abs(marginal) > TOLERANCE ? [empty(`x has no tokens, so marginal must be 0; it is ${marginal}`)] : []),
    ...(yTokens === 0 && Math.abs(joint - marginal) > TOLERANCE
      ? [empty(`y has no tokens, so joint must equal marginal; they differ by ${joint - marginal}`)]
      : [])
  ]
}

/** Number of tokens of x among `length` tokens, from either count; null without counts. */
function countsOf(length: number, xTokens: number | undefined, yTokens: number | undefined): number | null | 'contradiction' {
  if (xTokens === undefined && yTokens === undefined) return null
  const x = xTokens ?? length - (yTokens ?? 0)
  const y = yTokens ?? length - x
  return x >= 0 && y >= 0 && x + y === length ? x : 'contradiction'
}

function countText(xTokens: number | undefined, yTokens: number | undefined): string {
  if (xTokens !== undefined && yTokens !== undefined) return `x_tokens ${xTokens} + y_tokens ${yTokens} = ${xTokens + yTokens}`
  return xTokens === undefined ? `at least y_tokens ${yTokens}` : `at least x_tokens ${xTokens}`
}

/** The probability with six digits, or as a power of ten if float64 would round it to 0 or Infinity. */
function probabilityText(logProb: number): string {
  const probability = Math.exp(logProb)
  if (probability > 0 && Number.isFinite(probability)) return String(Number(probability.toPrecision(6)))
  return `about 10^${(logProb / Math.LN10).toFixed(1)}`
}
