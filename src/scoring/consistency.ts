/** Log-probabilities in nats that somebody reports together. */
export interface ReportedLogProbs {
  readonly joint: number
  readonly marginal: number
  readonly conditional?: number
}

export interface Violation {
  readonly rule: 'joint_le_marginal' | 'additivity' | 'log_prob_le_zero'
  readonly message: string
  readonly possible_causes: readonly string[]
}

export interface Consistency {
  readonly consistent: boolean
  readonly violations: readonly Violation[]
  /** What joint and marginal say of log Pr(y | x) and of Pr(y | x). */
  readonly implied: { readonly conditional: number; readonly probability: number }
}

/** Nats a sum may be off when its parts were computed in separate float32 passes. */
const TOLERANCE = 1e-3

/** Ordered by how often they are the reason; each breaks a condition of joint <= marginal (docs/scoring.md). */
const CAUSES_OF_JOINT_ABOVE_MARGINAL = [
  'the tokens of x are not the first tokens of x+y: the boundary was merged',
  'a prefix token (BOS) stands in front of one text and not of the other',
  'an end token was scored after x',
  'one of the texts was truncated',
  'a mean per token was reported in place of a sum',
  'the model is not causal, or its log-probabilities are not normalised'
]

/** Whether reported log-probabilities can belong to one model and one (x, y): the chain rule, and that no probability exceeds 1. */
export function consistencyOf({ joint, marginal, conditional }: ReportedLogProbs): Consistency {
  const implied = joint - marginal
  const violations: Violation[] = []
  for (const [name, value] of Object.entries({ joint, marginal, ...(conditional === undefined ? {} : { conditional }) })) {
    if (value > TOLERANCE)
      violations.push({
        rule: 'log_prob_le_zero',
        message: `${name} is ${value}, a probability of ${Math.exp(value)}, which is above 1`,
        possible_causes: ['logits were reported in place of log-probabilities', 'the sign was turned: a loss was reported in place of a log-probability']
      })
  }
  if (implied > TOLERANCE)
    violations.push({
      rule: 'joint_le_marginal',
      message: `joint ${joint} is above marginal ${marginal}: Pr(y|x) would be ${Math.exp(implied)}, which is above 1`,
      possible_causes: CAUSES_OF_JOINT_ABOVE_MARGINAL
    })
  if (conditional !== undefined && Math.abs(implied - conditional) > TOLERANCE) {
    violations.push({
      rule: 'additivity',
      message: `joint - marginal is ${implied}, not the conditional ${conditional}`,
      possible_causes: [
        'a token at the boundary was counted in both parts or in none',
        'an end token is part of one number and not of the other',
        'the numbers come from different prefix tokens or models'
      ]
    })
  }
  return { consistent: violations.length === 0, violations, implied: { conditional: implied, probability: Math.exp(implied) } }
}
