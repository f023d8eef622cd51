import type { FromSchema } from 'json-schema-to-ts'
import { CONVERSATION_OPTIONS, MESSAGES } from './conversation.ts'
import { STATISTICS_FIELDS } from './statistics.ts'
import { SPANS } from './words.ts'

/** One schema for text and token ids: a union would report a wrong type with two contradicting messages. */
const X = { type: ['string', 'array'], items: { type: 'integer' }, description: 'The prompt: a text or token ids.' } as const
const Y = {
  type: ['string', 'array'],
  items: { type: ['integer', 'string', 'array'], items: { type: 'integer' } },
  description: 'The output to score: a text, token ids, or a list of either to score after the same x.'
} as const
/** One of `pairs`, and a line of `logpr score`. */
export const LOGPROB_PAIR = {
  title: 'LogprobPair',
  type: 'object',
  description: 'One (x, y) to score, or one conversation with an output.',
  additionalProperties: false,
  properties: {
    id: { type: 'string', maxLength: 256, description: 'Returned with the result.' },
    x: X,
    messages: MESSAGES,
    y: Y,
    spans: SPANS,
    ...CONVERSATION_OPTIONS
  }
} as const

/** The body of POST /v1/logprob. */
export const LOGPROB_REQUEST = {
  title: 'LogprobRequest',
  type: 'object',
  description: 'One prompt with its outputs, or a list of pairs, and how to score them.',
  additionalProperties: false,
  properties: {
    model: { type: 'string', description: 'The id of a model in GET /v1/models. Required when several models are served.' },
    x: X,
    messages: MESSAGES,
    y: Y,
    spans: SPANS,
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
      enum: ['summary', 'tokens', 'words'],
      default: 'summary',
      description:
        'Detail of the results: tokens adds each token with its log-probability, rank and entropy, words each word or span with its surprisal (docs/guides/words.md).'
    },
    top_logprobs: {
      type: 'integer',
      minimum: 0,
      maximum: 20,
      default: 0,
      description: 'Number of most probable tokens at each position; implies detail tokens.'
    },
    ...STATISTICS_FIELDS,
    verify: {
      type: 'string',
      enum: ['standard', 'deep'],
      default: 'standard',
      description: 'Depth of the checks: deep scores the sequence again in other ways and compares the scores.'
    },
    summary: {
      type: 'boolean',
      default: false,
      description: 'Whether to add the totals: items, ok, failed by code, usage and time. In a stream they are one more line at the end.'
    }
  }
} as const

export type LogprobRequest = FromSchema<typeof LOGPROB_REQUEST, { keepDefaultedPropertiesOptional: true }>
