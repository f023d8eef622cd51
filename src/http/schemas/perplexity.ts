import type { FromSchema } from 'json-schema-to-ts'
import { BUCKETS, DEFAULT_QUANTILES } from '../../perplexity/corpus.ts'
import { DETAILS, PREFIX_RULES, WINDOW_KINDS } from '../../perplexity/request.ts'
import { CHECKS, WARNINGS } from './check-items.ts'
import { arrayOf, integer, named, nullable, number, objectOf, oneOfWords, type Schema, string } from './json-schema.ts'
import { LOGPROB_REQUEST } from './logprob.ts'
import { ITEM_ERROR } from './logprob-response.ts'
import { RESPONSE_MODEL, STAMP, USAGE } from './response-parts.ts'
import { STATISTICS_FIELDS, STATISTICS_VALUES } from './statistics.ts'

const { model, parse_special_tokens } = LOGPROB_REQUEST.properties

/** The body of POST /v1/perplexity. */
export const PERPLEXITY_REQUEST = {
  title: 'PerplexityRequest',
  type: 'object',
  description: 'One text, or a list of texts, of any length, and how to cut them into windows.',
  additionalProperties: false,
  properties: {
    model,
    text: { type: 'string', minLength: 1, description: 'The text, of any length.' },
    texts: { type: 'array', minItems: 1, items: { type: 'string' }, description: 'A list of texts, instead of text.' },
    window: {
      type: 'string',
      enum: WINDOW_KINDS,
      default: 'strided',
      description: 'strided: the recipe of the Hugging Face documentation; disjoint: the rolling log-likelihood of lm-evaluation-harness.'
    },
    max_length: { type: 'integer', minimum: 1, description: 'Tokens that the model reads in one window; by default the context length of the model.' },
    stride: {
      type: 'integer',
      minimum: 1,
      description: 'Tokens from the start of a strided window to the start of the next, below max_length; by default half of it.'
    },
    prefix_token: {
      type: 'string',
      enum: PREFIX_RULES,
      default: 'auto',
      description:
        'What precedes each text. auto: as the recipe has it, with strided what the tokenizer adds, with disjoint BOS or EOS; single: BOS or EOS once; none: nothing.'
    },
    parse_special_tokens,
    detail: {
      type: 'string',
      enum: DETAILS,
      default: 'summary',
      description: 'tokens adds each token with its log-probability, rank and entropy; curve adds the perplexity by position and by context.'
    },
    ...STATISTICS_FIELDS,
    quantiles: {
      type: 'array',
      maxItems: 64,
      items: { type: 'number', minimum: 0, maximum: 1 },
      default: DEFAULT_QUANTILES,
      description: 'Quantiles of the perplexities per token to return with several texts.'
    },
    cutoffs: {
      type: 'array',
      minItems: 2,
      maxItems: 2,
      items: { type: 'number', minimum: 0, maximum: Number.MAX_VALUE },
      description: 'Two perplexities per token in ascending order, which divide the texts into the buckets head, middle and tail.'
    }
  }
} as const

export type PerplexityRequestBody = FromSchema<typeof PERPLEXITY_REQUEST, { keepDefaultedPropertiesOptional: true }>

/** What one text and a corpus have in common. */
const SCORES: Readonly<Record<string, Schema>> = {
  log_prob: number('Sum of the log-probabilities of all scored tokens, in nats.'),
  counts: named(
    'PerplexityCounts',
    objectOf(
      {
        tokens: integer('Tokens of the text.'),
        scored_tokens: integer('Tokens that log_prob adds up: one less when nothing precedes the text.'),
        bytes: integer('UTF-8 bytes.'),
        chars: integer('Unicode code points.'),
        words: integer('Stretches of white space + 1, as lm-evaluation-harness counts words.')
      },
      {},
      'Lengths of the text.'
    )
  ),
  perplexity: named(
    'Perplexities',
    objectOf(
      {
        per_token: nullable(number('exp(-log_prob / scored_tokens).')),
        per_word: nullable(number('exp(-log_prob / words).')),
        per_byte: nullable(number('exp(-log_prob / bytes).'))
      },
      {},
      'Each is null where it is above the largest number.'
    )
  ),
  bits_per_byte: number('-log_prob / (ln 2 * bytes).')
}

const TOKEN = named(
  'PerplexityToken',
  objectOf(
    {
      id: integer('Token id.'),
      text: string('The token, for display.'),
      bytes: string('The exact bytes of the token, in base64.'),
      log_prob: nullable(number('In nats; null for a first token that nothing precedes.')),
      rank: nullable(integer('1 + the number of more probable tokens.')),
      entropy: nullable(number('Entropy of the distribution at this position, in nats.')),
      context_tokens: nullable(integer('Tokens in front of it that its window has.'))
    },
    {},
    'A token of the text.'
  )
)

const POINTS = (what: string): Schema =>
  arrayOf(
    named(
      'CurvePoint',
      objectOf(
        {
          start: integer('First position, or number of tokens in front.'),
          end: integer('The one after the last.'),
          tokens: integer('Scored tokens.'),
          log_prob: number('Sum in nats.'),
          perplexity: nullable(number('exp(-log_prob / tokens).'))
        },
        {},
        'The tokens of one stretch.'
      )
    ),
    what
  )

const RESULT = named(
  'PerplexityResult',
  objectOf(
    {
      object: { const: 'perplexity.result', description: 'Marks a scored text.' },
      index: integer('Position of the text.'),
      ...SCORES,
      windows: named(
        'PerplexityWindows',
        objectOf(
          {
            kind: oneOfWords(WINDOW_KINDS, 'How the text was cut.'),
            count: integer('Number of windows.'),
            max_length: integer('Tokens that the model reads in one window.'),
            stride: integer('Tokens from the start of one window to the start of the next.'),
            prefix_token_id: nullable(integer('The token in front of the text; null without one.'))
          },
          {},
          'The windows that were scored. The score of a token depends on its window.'
        )
      ),
      checks: CHECKS,
      warnings: WARNINGS
    },
    {
      statistics: STATISTICS_VALUES,
      bucket: oneOfWords(BUCKETS, 'With cutoffs: where the perplexity per token is.'),
      tokens: arrayOf(TOKEN, 'With detail tokens: every token of the text.'),
      curve: named(
        'PerplexityCurve',
        objectOf(
          {
            position: POINTS('By position in the text: at most 64 stretches of equal length.'),
            context: POINTS('By the number of tokens in front within the window: 0, 1, 2 to 3, 4 to 7 and so on.')
          },
          {},
          'With detail curve: where the text is hard to predict.'
        )
      )
    },
    'The perplexity of one text.'
  )
)

const FAILURE = named(
  'PerplexityFailure',
  objectOf(
    { object: { const: 'perplexity.failure', description: 'Marks a text without a perplexity.' }, index: integer('Position of the text.'), error: ITEM_ERROR },
    {},
    'A text that could not be scored, among several.'
  )
)

const OUTCOME = named('PerplexityOutcome', {
  description: 'A result, or the reason why there is none; object tells them apart.',
  oneOf: [RESULT, FAILURE],
  discriminator: {
    propertyName: 'object',
    mapping: { 'perplexity.result': '#/components/schemas/PerplexityResult', 'perplexity.failure': '#/components/schemas/PerplexityFailure' }
  }
})

export const PERPLEXITY_RESPONSE = named(
  'PerplexityResponse',
  objectOf(
    {
      object: { const: 'perplexity' },
      id: string('Id of the response.'),
      model: RESPONSE_MODEL,
      results: arrayOf(OUTCOME, 'One result per text, in input order.'),
      usage: USAGE,
      stamp: STAMP
    },
    {
      corpus: named(
        'PerplexityCorpus',
        objectOf(
          {
            texts: integer('Texts that were scored.'),
            ...SCORES,
            quantiles: arrayOf(
              named(
                'PerplexityQuantile',
                objectOf({ quantile: number('As sent.'), perplexity: nullable(number('With linear interpolation.')) }, {}, 'A quantile.')
              ),
              'Of the perplexities per token of the texts.'
            )
          },
          {},
          'All texts together: sums over all, then divided. Present for a list of texts of which one was scored.'
        )
      )
    },
    'The perplexities of all texts.'
  )
)
