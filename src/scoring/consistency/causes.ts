/** Why reported numbers break a rule, in words. Ordered by how often each is the reason; docs/guides/loss.md has the same order. */

/** Each breaks a condition of joint <= marginal (docs/reference/scoring.md). The last two are faults of the model or its server. */
export const CAUSES_OF_JOINT_ABOVE_MARGINAL: readonly string[] = [
  'the tokens of x are not the first tokens of x+y: the boundary was merged',
  'an end token was scored after x, or after both texts: it belongs to y alone',
  'a mean per token was reported in place of a sum',
  'the first token was scored in one number and left out of the other, or a prefix token (BOS) stands in front of one text only',
  'one of the texts was truncated',
  'a token has a log-probability above 0 from a subtraction in low precision',
  'the numbers of two requests were mixed: a stale prefix cache, or rows of a batch out of order',
  'the model is not causal, or logits were reported in place of log-probabilities'
]

/** For small violations only. */
export const CAUSES_OF_NOISE: readonly string[] = ['rounding of two separate passes in low precision, when y is almost certain']

export const CAUSES_OF_POSITIVE: readonly string[] = [
  'the sign was turned: a loss was reported in place of a log-probability',
  'logits were reported in place of log-probabilities'
]

export const CAUSES_OF_NO_ADDITIVITY: readonly string[] = [
  'a token at the boundary was counted in both parts or in none',
  'an end token is part of one number and not of the other',
  'one of the numbers is a mean per token and not a sum, or in bits and not in nats',
  'the numbers come from different prefix tokens or models'
]

export const CAUSES_OF_MASS_WITHOUT_TOKENS: readonly string[] = [
  'an end token or a prefix token was scored and not counted',
  'the count is of another text than the log-probability'
]

export const CAUSES_OF_BAD_COUNT: readonly string[] = [
  'the last token is missing: a slice that ends one too early',
  'a prefix token or an end token stands in the list and not in the counts, or the other way round',
  'the boundary merged, so that x and y together have another number of tokens than apart'
]

export const CAUSES_OF_UNSCORED: readonly string[] = ['a list of top tokens did not hold the token that was looked up', 'a chunk of the text was not scored']

export const CAUSES_OF_POSITIVE_TOKEN: readonly string[] = [
  'the log-softmax was computed by a subtraction in low precision (small excess)',
  'the sign was turned: losses were reported in place of log-probabilities',
  'logits were reported in place of log-probabilities'
]

export const CAUSES_OF_OTHER_SUM: readonly string[] = [
  'the list belongs to another tokenization of the text than the number',
  'a prefix token or an end token was scored in one of them and not in the other',
  'the numbers come from different passes or models'
]
