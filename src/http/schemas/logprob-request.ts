import type { FromSchema } from 'json-schema-to-ts'

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
