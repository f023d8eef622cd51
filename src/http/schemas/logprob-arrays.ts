import { CHECKS, WARNINGS } from './check-items.ts'
import { arrayOf, integer, named, nullable, number, objectOf, type Schema } from './json-schema.ts'
import { CAUSAL, LINE, LOG_PROB_EOS, LOGPROB_SUMS, PLACE } from './logprob-parts.ts'
import { STATISTICS_VALUES } from './statistics.ts'

const floats = (description: string): Schema => arrayOf(nullable(number()), description)
const integers = (description: string): Schema => arrayOf(nullable(integer()), description)

export const LOGPROB_ARRAYS = named(
  'LogprobArrays',
  objectOf(
    {
      object: { const: 'logprob.arrays', description: 'Marks a scored item with format arrays.' },
      ...PLACE,
      log_prob: LOGPROB_SUMS,
      from: integer('Position in the scored sequence of the token that the first entry of every array belongs to.'),
      ids: arrayOf(integer(), 'Token ids, the prefix token and the end token included where they are part of the sequence.'),
      log_probs: floats('Log-probability of each token given all tokens before it, in nats; null where it was not computed.'),
      checks: CHECKS,
      warnings: WARNINGS
    },
    {
      ...LINE,
      log_prob_eos: LOG_PROB_EOS,
      statistics: STATISTICS_VALUES,
      causal: CAUSAL,
      ranks: integers('Rank of each token in the whole vocabulary; 1 is the most probable. With detail tokens only.'),
      entropies: floats('Entropy of the distribution that predicts each token, in nats. With detail tokens only.'),
      log_prob_stds: floats('Standard deviation of log p under the distribution p that predicts each token, in nats. With detail tokens only.'),
      byte_starts: integers('First byte of each token in the UTF-8 text of x and y together; null when it spells none of it. With detail tokens only.'),
      byte_ends: integers('One past the last byte of each token. With detail tokens only.'),
      top_ids: arrayOf(nullable(arrayOf(integer())), 'The ids of the most probable tokens in the place of each token. With top_logprobs only.'),
      top_log_probs: arrayOf(nullable(floats('The most probable first.')), 'Their log-probabilities, in nats; null for minus infinity.')
    },
    'The scores of one output, with an array for each property of its tokens. Of its checks, only those that did not pass are listed.'
  )
)

/** A response with media type application/zip, in words: its schema can only say that it is binary. */
export const LOGPROB_NPZ = {
  type: 'string',
  format: 'binary',
  description:
    'A NumPy .npz file. The arrays of all sequences follow each other: those of sequence i are entries row_splits[i] to row_splits[i + 1]. Members: row_splits, starts (from of each sequence), joint, marginal and conditional (sums), ids, log_probs, ranks, entropies, log_prob_stds, byte_starts, byte_ends, top_ids, top_log_probs and meta (the rest of the response as JSON in bytes). A missing integer is -1, a missing number NaN.'
} as const
