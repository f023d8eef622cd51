/** Likely causes of each violation, most frequent first. docs/guides/loss.md names them in the same order. */

/**
 * Each can break joint <= marginal. The last two are faults of the model or its server, the others of the
 * bookkeeping.
 */
export const CAUSES_OF_JOINT_ABOVE_MARGINAL: readonly string[] = [
  'a token spans the boundary, so the tokens of x are not the first tokens of x+y',
  'an end token was scored after x, or after both texts; it belongs to y only',
  'a mean per token was reported instead of a sum',
  'the first token was scored for only one of the values, or only one text has a prefix token (BOS)',
  'one of the texts was truncated',
  'a subtraction in low precision gave a token a log-probability above 0',
  'values of two requests were mixed up: a stale prefix cache, or swapped rows of a batch',
  'the model is not causal, or logits were reported as log-probabilities'
]

/** For small violations only. */
export const CAUSES_OF_NOISE: readonly string[] = ['y is almost certain, and two passes in low precision were rounded differently']

export const CAUSES_OF_POSITIVE: readonly string[] = [
  'the sign is wrong: a loss was reported as a log-probability',
  'logits were reported as log-probabilities'
]

export const CAUSES_OF_NO_ADDITIVITY: readonly string[] = [
  'a token at the boundary was counted in both parts or in neither',
  'only one of the values includes an end token',
  'one of the values is a mean per token instead of a sum, or is in bits instead of nats',
  'the values come from different prefix tokens or models'
]

export const CAUSES_OF_MASS_WITHOUT_TOKENS: readonly string[] = [
  'an end token or a prefix token was scored but not counted',
  'the count and the log-probability belong to different texts'
]

export const CAUSES_OF_BAD_COUNT: readonly string[] = [
  'the last token is missing: a slice ends one token early',
  'a prefix token or an end token is in the list but not in the counts, or the other way round',
  'a token spans the boundary, so x+y has a different number of tokens than x and y separately'
]

export const CAUSES_OF_UNSCORED: readonly string[] = [
  'the token was looked up in a list of top tokens that does not contain it',
  'a part of the text was not scored'
]

export const CAUSES_OF_POSITIVE_TOKEN: readonly string[] = [
  'the log-softmax subtracts in low precision (if the excess is small)',
  'the sign is wrong: losses were reported as log-probabilities',
  'logits were reported as log-probabilities'
]

export const CAUSES_OF_OTHER_SUM: readonly string[] = [
  'the list and the value belong to different tokenizations of the text',
  'only one of them includes a prefix token or an end token',
  'they come from different passes or models'
]
