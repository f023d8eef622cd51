import { CAUSES_OF_OTHER_SUM, CAUSES_OF_POSITIVE_TOKEN, CAUSES_OF_UNSCORED } from './causes.ts'

/** Log-probabilities that a client reports together, nats. */
export interface ReportedLogProbs {
  readonly joint: number
  readonly marginal: number
  readonly conditional?: number
  /** Number of tokens. */
  readonly xTokens?: number
  readonly yTokens?: number
  /** One per token of x, then of y; null for a first token that was not scored. */
  readonly tokenLogProbs?: readonly (number | null)[]
}

export type Rule =
  | 'log_prob_le_zero'
  | 'joint_le_marginal'
  | 'additivity'
  | 'empty_part'
  | 'token_count'
  | 'token_unscored'
  | 'token_log_prob_le_zero'
  | 'joint_is_token_sum'
  | 'marginal_is_token_sum'
  | 'conditional_is_token_sum'

export interface Violation {
  readonly rule: Rule
  readonly message: string
  /** Causes that the values themselves suggest, then the others by frequency. */
  readonly possible_causes: readonly string[]
}

type LogProbs = readonly (number | null)[]

/**
 * Compares reported sums with the log-probabilities of their tokens. `xCount` is the number of tokens of x; if it is
 * null, only joint is compared. `tolerance` is for a short sum, nats; it grows with the square root of the length.
 */
export function tokenViolations(tokens: LogProbs, reported: ReportedLogProbs, xCount: number | null, tolerance: number): Violation[] {
  const violations = [...unscored(tokens), ...aboveZero(tokens, tolerance)]
  const compare = (rule: Rule, name: string, value: number | undefined, start: number, end: number): void => {
    const violation = value === undefined ? null : sumViolation({ tokens, start, end, tolerance }, rule, name, value)
    if (violation !== null) violations.push(violation)
  }
  compare('joint_is_token_sum', 'joint', reported.joint, 0, tokens.length)
  if (xCount !== null) {
    compare('marginal_is_token_sum', 'marginal', reported.marginal, 0, xCount)
    compare('conditional_is_token_sum', 'conditional', reported.conditional, xCount, tokens.length)
  }
  return violations
}

function unscored(tokens: LogProbs): Violation[] {
  const missing = tokens.findIndex((value, i) => i > 0 && value === null)
  if (missing === -1) return []
  const message = `token_log_probs/${missing} is null; only the first token of a text can have no log-probability`
  return [{ rule: 'token_unscored', message, possible_causes: CAUSES_OF_UNSCORED }]
}

function aboveZero(tokens: LogProbs, tolerance: number): Violation[] {
  const bad = tokens.flatMap((value, i) => (value !== null && value > tolerance ? [i] : []))
  const [first] = bad
  if (first === undefined) return []
  const message = `token_log_probs/${first} is ${tokens[first]}, a probability above 1${bad.length > 1 ? `; ${bad.length - 1} more are above 0` : ''}`
  return [{ rule: 'token_log_prob_le_zero', message, possible_causes: CAUSES_OF_POSITIVE_TOKEN }]
}

interface TokenRange {
  readonly tokens: LogProbs
  readonly start: number
  readonly end: number
  readonly tolerance: number
}

function sumViolation(range: TokenRange, rule: Rule, name: string, value: number): Violation | null {
  const { tokens, start, end } = range
  const count = tokens.slice(start, end).filter((token) => token !== null).length
  const sum = sumOf(tokens, start, end)
  const tolerance = range.tolerance * Math.max(2, Math.sqrt(count))
  const isNear = (candidate: number): boolean => Math.abs(candidate - sum) <= tolerance
  if (isNear(value)) return null
  const reasons = explanations(range, value, sum, count, tolerance)
  return {
    rule,
    message: `${name} is ${value}, but its ${count} token log-probabilities sum to ${sum}${reasons.length === 0 ? '' : `: ${reasons[0]}`}`,
    possible_causes: [...reasons, ...CAUSES_OF_OTHER_SUM]
  }
}

/** Mistakes that would turn the sum of the tokens into the reported value. */
function explanations({ tokens, start, end }: TokenRange, value: number, sum: number, count: number, tolerance: number): string[] {
  const is = (candidate: number, slack = tolerance): boolean => Math.abs(value - candidate) <= slack
  const without = (index: number): number => sum - (tokens[index] ?? 0)
  // The error of a mean is that of its sum, divided by the number of tokens.
  const meanSlack = Math.max(1e-6, tolerance / Math.max(1, count))
  const hasPart = (index: number): boolean => index >= 0 && index < tokens.length && (tokens[index] ?? 0) !== 0
  const found: [boolean, string][] = [
    [count > 1 && is(sum / count, meanSlack), `it is the mean of the ${count} tokens instead of their sum`],
    [is(sum / Math.LN2), 'it is the sum in bits instead of nats; multiply it by ln 2'],
    [count > 1 && is(sum / count / Math.LN2, meanSlack), `it is the mean of the ${count} tokens, in bits`],
    [is(-sum), 'it is the sum with the opposite sign, a loss'],
    [hasPart(end) && is(sum + (tokens[end] ?? 0)), 'it includes the first token after its part, so a token at the boundary was counted in the wrong part'],
    [
      hasPart(start - 1) && is(sum + (tokens[start - 1] ?? 0)),
      'it includes the last token before its part, so a token at the boundary was counted in the wrong part'
    ],
    [hasPart(end - 1) && is(without(end - 1)), `its last token is missing${end < tokens.length ? ' because it was counted in the wrong part' : ''}`],
    [hasPart(start) && is(without(start)), `its first token is missing${start > 0 ? ' because it was counted in the wrong part' : ''}`]
  ]
  return found.flatMap(([holds, reason]) => (holds ? [reason] : []))
}

function sumOf(tokens: LogProbs, start: number, end: number): number {
  let sum = 0
  for (let i = start; i < end; i++) sum += tokens[i] ?? 0
  return sum
}
