import type { FromSchema } from 'json-schema-to-ts'
import { CHECKS } from './checks.ts'
import { arrayOf, boolean, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'

/** One schema for both forms: a union would answer a wrong type with two contradicting messages. */
const X = { type: ['string', 'array'], items: { type: 'integer' }, description: 'The prompt: a text, or token ids.' } as const
const Y = {
  type: ['string', 'array'],
  items: { type: ['integer', 'string', 'array'], items: { type: 'integer' } },
  description: 'The output to score: a text, token ids, or a list of either for the same x.'
} as const
export const MESSAGES = {
  type: 'array',
  minItems: 1,
  description: 'A conversation in place of x; the generation prompt belongs to it.',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['role', 'content'],
    properties: { role: { type: 'string', description: 'As the chat template knows it: system, user, assistant.' }, content: { type: 'string' } }
  }
} as const
const PAIR = {
  type: 'object',
  additionalProperties: false,
  properties: { id: { type: 'string', maxLength: 256, description: 'Given back with the result.' }, x: X, messages: MESSAGES, y: Y }
} as const

/** The body of POST /v1/logprob. */
export const LOGPROB_REQUEST = {
  type: 'object',
  additionalProperties: false,
  properties: {
    model: { type: 'string', description: 'As GET /v1/models lists it. Needed where there are several; else the only one by default.' },
    x: X,
    messages: MESSAGES,
    y: Y,
    pairs: { type: 'array', minItems: 1, items: PAIR, description: 'Many (x, y) at once, in place of x and y.' },
    boundary: {
      type: 'string',
      enum: ['auto', 'strict', 'move_space', 'tokens'],
      default: 'auto',
      description: 'What to do when the tokenizer puts the end of x and the beginning of y into one token.'
    },
    prefix_token: { type: 'string', enum: ['auto', 'none'], default: 'auto', description: "Whether the model's prefix token precedes the text." },
    eos: { type: 'string', enum: ['none', 'score'], default: 'none', description: 'score appends the end-of-sequence token to y, as a term of its own.' },
    parse_special_tokens: { type: 'boolean', default: false, description: 'Whether control tokens spelled in a text become control ids.' },
    on_overflow: { type: 'string', enum: ['error', 'truncate_left'], default: 'error', description: 'What to do when x and y do not fit the context.' },
    terms: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', enum: ['joint', 'marginal', 'conditional'] },
      description: 'Which sums are wanted. Asking for conditional alone never runs the LM head on x.'
    },
    detail: {
      type: 'string',
      enum: ['summary', 'tokens'],
      default: 'summary',
      description: 'tokens adds every token with its log-probability, rank and entropy.'
    },
    top_logprobs: { type: 'integer', minimum: 0, maximum: 20, default: 0, description: 'Most probable tokens to show at each position; needs detail: tokens.' },
    verify: { type: 'string', enum: ['standard', 'deep'], default: 'standard', description: 'deep scores x again by itself and compares.' }
  }
} as const

export type LogprobRequest = FromSchema<typeof LOGPROB_REQUEST, { keepDefaultedPropertiesOptional: true }>

const LENGTHS = objectOf({ tokens: integer(), chars: integer('Unicode code points.'), bytes: integer('UTF-8 bytes.') })
const TOKEN = { id: integer(), text: string(), bytes: string('base64, exact where a character spans tokens.') }
const NATS = nullable(number())
const OFFSETS = {
  byte_start: nullable(integer('First byte of the token in the UTF-8 text of its part; null where it spells none of it.')),
  byte_end: nullable(integer('One past its last byte.')),
  char_start: nullable(integer('Code point that its first byte belongs to.')),
  char_end: nullable(integer('One past the code point that its last byte belongs to.'))
}

const NORMALIZED = objectOf(
  { per_token: number(), per_char: NATS, per_byte: NATS, bits_per_byte: NATS, perplexity: number() },
  {},
  'log Pr(y | x) by the length of y, without the end token.'
)

const TOKENS = arrayOf(
  objectOf(
    { part: oneOfWords(['prefix', 'x', 'y', 'eos']), ...TOKEN, ...OFFSETS, log_prob: NATS, rank: nullable(integer()), entropy: NATS },
    { top: arrayOf(objectOf({ ...TOKEN, log_prob: number() })) }
  )
)

/** One entry of `results`, and one line under application/x-ndjson. */
export const LOGPROB_RESULT = objectOf(
  { index: integer('Position among the results.'), id: nullable(string()), candidate: integer('Position of y among the outputs of its x.') },
  {
    log_prob: objectOf(
      {},
      {
        joint: nullable(number('log Pr([x, y]), nats.')),
        marginal: nullable(number('log Pr(x), nats: a prefix probability.')),
        conditional: nullable(number('log Pr(y | x), nats.'))
      }
    ),
    log_prob_eos: number('log Pr(end | x, y), nats; part of conditional and joint.'),
    counts: objectOf({ x: LENGTHS, y: LENGTHS }),
    normalized: nullable(NORMALIZED),
    is_greedy: boolean('Whether every token of y is the most probable one.'),
    conditional_on_first_token: boolean(),
    causal: { const: 'approximate', description: 'Activations are quantized over whole tensors: near the numbers of an exact pass, not equal.' },
    boundary: objectOf(
      { policy: oneOfWords(['joint', 'split', 'moved_space', 'tokens']), merged: boolean() },
      { straddling_token: objectOf(TOKEN), scored: objectOf({ x: string(), y: string() }) }
    ),
    checks: CHECKS,
    tokens: TOKENS,
    warnings: arrayOf(objectOf({ code: string(), message: string() })),
    error: objectOf({ code: string(), message: string() }, { param: string() }, 'Stands in place of the numbers when this item could not be scored.')
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
  'What the numbers were made with; numbers with different stamps are not comparable to the last digit.'
)

export const USAGE = objectOf({
  prompt_tokens: integer('Prefix tokens and tokens of x.'),
  completion_tokens: integer(),
  total_tokens: integer(),
  computed_tokens: integer('Tokens that went through the model.'),
  cached_tokens: integer(
    'Tokens whose computation was reused: a beginning that was kept, or a sequence scored before or for another request. Those computed beside an equal beginning of the same batch count in neither.'
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
