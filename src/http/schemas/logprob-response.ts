import { CHECKS, WARNINGS } from './check-items.ts'
import { arrayOf, boolean, integer, named, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { LOGPROB_ARRAYS } from './logprob-arrays.ts'
import { CAUSAL, LINE, LOG_PROB_EOS, LOGPROB_SUMS, PLACE } from './logprob-parts.ts'
import { COUNTS, RESPONSE_MODEL, STAMP, USAGE } from './response-parts.ts'
import { STATISTICS_VALUES } from './statistics.ts'
import { WORDS } from './words.ts'

const TOKEN = {
  id: integer('Token id.'),
  text: string('Text of the token; bytes of an incomplete character appear as U+FFFD.'),
  bytes: string('Bytes of the token in base64, exact even when a character spans tokens.')
}
const OFFSETS = {
  byte_start: nullable(integer('First byte of the token in the UTF-8 text of its part; null when it spells none of that text.')),
  byte_end: nullable(integer('One past the last byte of the token.')),
  char_start: nullable(integer('Code point of its first byte.')),
  char_end: nullable(integer('One past the code point of its last byte.'))
}

const NORMALIZED = named(
  'NormalizedLogprob',
  objectOf(
    {
      per_token: number('Nats per token.'),
      per_char: nullable(number('Nats per Unicode code point; null when y has no characters.')),
      per_byte: nullable(number('Nats per UTF-8 byte; null when y has no bytes.')),
      bits_per_byte: nullable(number('-per_byte / ln 2; null when y has no bytes.')),
      perplexity: number('exp(-per_token).')
    },
    {},
    'log Pr(y | x) divided by the length of y, without the end token.'
  )
)

export const LOGPROB_TOKEN = named(
  'LogprobToken',
  objectOf(
    {
      part: oneOfWords(['prefix', 'x', 'y', 'eos'], 'The part of the sequence that the token belongs to.'),
      ...TOKEN,
      ...OFFSETS,
      log_prob: nullable(number('Log-probability given all tokens before it, in nats; null when it was not computed.')),
      rank: nullable(integer('Rank in the whole vocabulary; 1 is the most probable.')),
      entropy: nullable(number('Entropy of the distribution at this position, in nats: minus the expected log-probability of a token drawn from it.')),
      log_prob_std: nullable(number('Standard deviation of the log-probability of a token drawn from this distribution, in nats.'))
    },
    {
      top: arrayOf(
        named('LogprobTopToken', objectOf({ ...TOKEN, log_prob: number('Log-probability, in nats.') }, {}, 'One of the most probable tokens at a position.')),
        'The most probable tokens at this position; with top_logprobs only.'
      )
    },
    'A token of the scored sequence.'
  )
)
const TOKENS = arrayOf(LOGPROB_TOKEN, 'Every token of the sequence, in order; with detail tokens only.')

const BOUNDARY = named(
  'Boundary',
  objectOf(
    {
      policy: oneOfWords(['joint', 'split', 'moved_space', 'tokens'], 'How the tokens were divided into x and y; docs/reference/scoring.md explains each.'),
      merged: boolean('Whether x and y, tokenized as one text, have a token across the end of x.')
    },
    {
      straddling_token: named('StraddlingToken', objectOf(TOKEN, {}, 'The token across the end of x.')),
      scored: named(
        'ScoredText',
        objectOf({ x: string('The x that was scored.'), y: string('The y that was scored.') }, {}, 'x and y after white space moved from x to y.')
      )
    },
    'How the sequence was divided into x and y.'
  )
)

export const LOGPROB_RESULT = named(
  'LogprobResult',
  objectOf(
    {
      object: { const: 'logprob.result', description: 'Marks a scored item.' },
      ...PLACE,
      log_prob: LOGPROB_SUMS,
      counts: COUNTS,
      boundary: BOUNDARY,
      checks: CHECKS,
      warnings: WARNINGS
    },
    {
      ...LINE,
      log_prob_eos: LOG_PROB_EOS,
      normalized: nullable(NORMALIZED),
      is_greedy: boolean('Whether every token of y is the most probable one at its position. Absent when y was not scored.'),
      statistics: STATISTICS_VALUES,
      conditional_on_first_token: boolean('True when no prefix token precedes the text, so that joint and marginal exclude the first token; absent otherwise.'),
      causal: CAUSAL,
      tokens: TOKENS,
      words: WORDS
    },
    'The scores of one output.'
  )
)

export const ITEM_ERROR = named(
  'ItemError',
  objectOf(
    { code: string('Stable name of the error; docs/reference/errors.md explains each.'), message: string('What is wrong, the limit and the remedy.') },
    { param: string('Path of the field at fault.') },
    'Why an item could not be scored.'
  )
)

export const LOGPROB_FAILURE = named(
  'LogprobFailure',
  objectOf(
    {
      object: { const: 'logprob.failure', description: 'Marks an item without scores.' },
      ...PLACE,
      error: ITEM_ERROR
    },
    LINE,
    'An output that could not be scored. The others are answered all the same.'
  )
)

/** One entry of `results`, or one line of application/x-ndjson. */
const LOGPROB_OUTCOME = named('LogprobOutcome', {
  description: 'A result, or the reason why there is none; object tells them apart.',
  oneOf: [LOGPROB_RESULT, LOGPROB_ARRAYS, LOGPROB_FAILURE],
  discriminator: {
    propertyName: 'object',
    mapping: {
      'logprob.result': '#/components/schemas/LogprobResult',
      'logprob.arrays': '#/components/schemas/LogprobArrays',
      'logprob.failure': '#/components/schemas/LogprobFailure'
    }
  }
})

/** What a request came to: `summary` of a response, and fields of the last line of a stream. */
export const LOGPROB_TOTALS = {
  items: integer('Results of the request.'),
  ok: integer('Results with scores.'),
  failed: { type: 'object', additionalProperties: { type: 'integer' }, description: 'Results without scores, by the code of their error.' },
  usage: USAGE,
  elapsed_ms: integer('Time since the request was begun, in milliseconds.')
} as const

export const LOGPROB_RESPONSE = named(
  'LogprobResponse',
  objectOf(
    {
      object: { const: 'logprob' },
      id: string('Id of the response.'),
      model: RESPONSE_MODEL,
      results: arrayOf(LOGPROB_OUTCOME, 'One entry per output, in input order.'),
      usage: USAGE,
      stamp: STAMP
    },
    { summary: named('LogprobTotals', objectOf(LOGPROB_TOTALS, {}, 'What the request came to. With summary true only.')) },
    'The scores of all outputs of a request.'
  )
)
