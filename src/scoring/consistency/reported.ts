/** Log-probabilities in nats that somebody reports together. */
export interface ReportedLogProbs {
  readonly joint: number
  readonly marginal: number
  readonly conditional?: number
  /** How many tokens x and y have. */
  readonly xTokens?: number
  readonly yTokens?: number
  /** Of the tokens of x and then of y, in order; null for a first token that was not scored. */
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
  /** The most frequent first; one that the numbers themselves point to stands in front. */
  readonly possible_causes: readonly string[]
}
