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
const IDS = {
  type: 'array',
  minItems: 1,
  items: { type: 'integer' },
  description: 'A whole sequence of token ids instead of x and y, scored as it is: no prefix token is added, and its first token has no log-probability.'
} as const
const FROM = {
  type: 'integer',
  minimum: 0,
  description: 'Position in ids from which on tokens are scored and answered; 0 if omitted. The LM head never runs on those before it.'
} as const
/** One of `pairs`, and a line of `logpr score`. */
export const LOGPROB_PAIR = {
  title: 'LogprobPair',
  type: 'object',
  description: 'One (x, y) to score, one conversation with an output, or one sequence of token ids.',
  additionalProperties: false,
  properties: {
    id: { type: 'string', maxLength: 256, description: 'Returned with the result.' },
    x: X,
    messages: MESSAGES,
    y: Y,
    ids: IDS,
    from: FROM,
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
    ids: IDS,
    from: FROM,
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
      maximum: 256,
      default: 0,
      description: 'Number of most probable tokens at each position. As objects it is at most 20 and implies detail tokens.'
    },
    format: {
      type: 'string',
      enum: ['objects', 'arrays'],
      default: 'objects',
      description:
        'Whether the tokens of a result are objects, or arrays with an entry per token: ids and log_probs, with top_logprobs also top_ids and top_log_probs, with detail tokens also ranks, entropies, log_prob_stds, byte_starts and byte_ends. Arrays are the default with Accept: application/zip, which answers a NumPy .npz file.'
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
