import type { FromSchema } from 'json-schema-to-ts'
import { CHECKS } from './check-items.ts'
import { CONVERSATION_OPTIONS, MESSAGES } from './conversation.ts'
import { arrayOf, boolean, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'

/** One schema for text and token ids: a union would report a wrong type with two contradicting messages. */
const X = { type: ['string', 'array'], items: { type: 'integer' }, description: 'The prompt: a text or token ids.' } as const
const Y = {
  type: ['string', 'array'],
  items: { type: ['integer', 'string', 'array'], items: { type: 'integer' } },
  description: 'The output to score: a text, token ids, or a list of either to score after the same x.'
} as const
/** One of `pairs`, and a line of `logpr score`. */
export const LOGPROB_PAIR = {
  type: 'object',
  additionalProperties: false,
  properties: { id: { type: 'string', maxLength: 256, description: 'Returned with the result.' }, x: X, messages: MESSAGES, y: Y, ...CONVERSATION_OPTIONS }
} as const

/** The body of POST /v1/logprob. */
export const LOGPROB_REQUEST = {
  type: 'object',
  additionalProperties: false,
  properties: {
    model: { type: 'string', description: 'The id of a model in GET /v1/models. Required when several models are served.' },
    x: X,
    messages: MESSAGES,
    y: Y,
    ...CONVERSATION_OPTIONS,
    pairs: { type: 'array', minItems: 1, items: LOGPROB_PAIR, description: 'A list of (x, y) to score, instead of x and y.' },
    boundary: {
      type: 'string',
      enum: ['auto', 'strict', 'move_space', 'tokens'],
      default: 'auto',
      description: 'What to do when one token spans the end of x and the beginning of y.'
    },
    prefix_token: {
      type: 'string',
      enum: ['auto', 'none'],
      default: 'auto',
      description: 'Whether the prefix token of the model precedes the text: auto adds it when the model has one.'
    },
    eos: {
      type: 'string',
      enum: ['none', 'score'],
      default: 'none',
      description: 'Whether the end-of-sequence token is scored: score appends it to y and also reports it separately.'
    },
    parse_special_tokens: { type: 'boolean', default: false, description: 'Whether special tokens that a text spells out become special token ids.' },
    on_overflow: {
      type: 'string',
      enum: ['error', 'truncate_left'],
      default: 'error',
      description: 'What to do when x and y exceed the context length: reject the item, or drop the first tokens of x.'
    },
    terms: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', enum: ['joint', 'marginal', 'conditional'] },
      description: 'The sums to compute; all by default. With conditional alone the LM head never runs on x.'
    },
    detail: {
      type: 'string',
      enum: ['summary', 'tokens'],
      default: 'summary',
      description: 'Detail of the results: tokens adds each token with its log-probability, rank and entropy.'
    },
    top_logprobs: {
      type: 'integer',
      minimum: 0,
      maximum: 20,
      default: 0,
      description: 'Number of most probable tokens at each position; implies detail tokens.'
    },
    verify: {
      type: 'string',
      enum: ['standard', 'deep'],
      default: 'standard',
      description: 'Depth of the checks: deep scores the sequence again in other ways and compares the scores.'
    }
  }
} as const

export type LogprobRequest = FromSchema<typeof LOGPROB_REQUEST, { keepDefaultedPropertiesOptional: true }>

const LENGTHS = objectOf({ tokens: integer(), chars: integer('Unicode code points.'), bytes: integer('UTF-8 bytes.') })
const TOKEN = { id: integer(), text: string(), bytes: string('Bytes of the token in base64, exact even when a character spans tokens.') }
const NATS = nullable(number())
const OFFSETS = {
  byte_start: nullable(integer('First byte of the token in the UTF-8 text of its part; null when it spells none of that text.')),
  byte_end: nullable(integer('One past the last byte of the token.')),
  char_start: nullable(integer('Code point of its first byte.')),
  char_end: nullable(integer('One past the code point of its last byte.'))
}

const NORMALIZED = objectOf(
  { per_token: number(), per_char: NATS, per_byte: NATS, bits_per_byte: NATS, perplexity: number() },
  {},
  'log Pr(y | x) divided by the length of y, without the end token.'
)

const TOKENS = arrayOf(
  objectOf(
    { part: oneOfWords(['prefix', 'x', 'y', 'eos']), ...TOKEN, ...OFFSETS, log_prob: NATS, rank: nullable(integer()), entropy: NATS },
    { top: arrayOf(objectOf({ ...TOKEN, log_prob: number() })) }
  )
)

/** One entry of `results`, or one line of application/x-ndjson. */
export const LOGPROB_RESULT = objectOf(
  { index: integer('Position in the results.'), id: nullable(string()), candidate: integer('Position of y in the outputs of its x.') },
  {
    log_prob: objectOf(
      {},
      {
        joint: nullable(number('log Pr([x, y]), in nats.')),
        marginal: nullable(number('log Pr(x), in nats: the probability that a text begins with x.')),
        conditional: nullable(number('log Pr(y | x), in nats.'))
      }
    ),
    log_prob_eos: number('log Pr(end | x, y), in nats; included in conditional and joint.'),
    counts: objectOf({ x: LENGTHS, y: LENGTHS }),
    normalized: nullable(NORMALIZED),
    is_greedy: boolean('Whether every token of y is the most probable one at its position.'),
    conditional_on_first_token: boolean(),
    causal: { const: 'approximate', description: 'Activations are quantized over whole tensors, so scores are close to those of an exact pass but not equal.' },
    boundary: objectOf(
      { policy: oneOfWords(['joint', 'split', 'moved_space', 'tokens']), merged: boolean() },
      { straddling_token: objectOf(TOKEN), scored: objectOf({ x: string(), y: string() }) }
    ),
    checks: CHECKS,
    tokens: TOKENS,
    warnings: arrayOf(objectOf({ code: string(), message: string() })),
    error: objectOf({ code: string(), message: string() }, { param: string() }, 'Why this item could not be scored; it then has no scores.')
  }
)

export const STAMP = objectOf(
  {
    model_sha256: string(),
    tokenizer_sha256: string(),
    dtype: string(),
    causal: oneOfWords(['exact', 'approximate']),
    execution_provider: string(),
    threads: integer(),
    onnxruntime: string(),
    logpr: string()
  },
  {},
  'What produced the scores. Scores with different stamps can differ in the last digits.'
)

export const USAGE = objectOf({
  prompt_tokens: integer('Prefix tokens and tokens of x.'),
  completion_tokens: integer(),
  total_tokens: integer(),
  computed_tokens: integer('Tokens computed by the model.'),
  cached_tokens: integer(
    'Tokens whose computation was reused: a cached prefix, or a sequence scored for an earlier or concurrent request. A prefix shared within one batch counts in neither.'
  )
})

export const LOGPROB_RESPONSE = objectOf({
  object: { const: 'logprob' },
  id: string(),
  model: string(),
  results: arrayOf(LOGPROB_RESULT),
  usage: USAGE,
  stamp: STAMP
})
