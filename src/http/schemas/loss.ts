import type { FromSchema } from 'json-schema-to-ts'
import { CONVERSATION_OPTIONS, MESSAGES } from './conversation.ts'
import { LOGPROB_REQUEST } from './logprob.ts'

const { model, boundary, prefix_token, eos, parse_special_tokens } = LOGPROB_REQUEST.properties

/** Each trained message costs one rendering of all messages before it. */
const MAX_MESSAGES = 256

/** One schema for the four forms: a union would report a wrong type with four contradicting messages. */
const TEXT_FIELDS = {
  x: { type: ['string', 'array'], items: { type: 'integer' }, description: 'The prompt, which is masked: a text or token ids.' },
  y: { type: ['string', 'array'], items: { type: 'integer' }, description: 'The completion, which is trained: a text or token ids.' },
  segments: {
    type: 'array',
    minItems: 1,
    maxItems: 8192,
    description: 'One text in segments, each trained or masked; instead of x and y.',
    items: {
      title: 'LossSegment',
      type: 'object',
      description: 'A part of the text, trained or masked as a whole.',
      additionalProperties: false,
      required: ['text', 'train'],
      properties: {
        text: { type: 'string', description: 'The text of the segment.' },
        train: { type: 'boolean', description: 'Whether the segment is trained.' }
      }
    }
  },
  messages: {
    ...MESSAGES,
    maxItems: MAX_MESSAGES,
    description: 'A conversation, rendered by the chat template without a generation prompt; instead of x and y.'
  },
  ...CONVERSATION_OPTIONS,
  add_generation_prompt: {
    type: ['boolean', 'null'],
    description: 'Whether the rendered conversation ends with the start of an assistant message, which is masked. False by default.'
  },
  mask: {
    type: 'string',
    enum: ['roles', 'generation'],
    default: 'roles',
    description:
      "What is trained in messages: the messages of train_on, or what {% generation %} blocks of the chat template write, as in transformers' return_assistant_tokens_mask and TRL's assistant_only_loss."
  },
  train_on: { type: 'array', minItems: 1, items: { type: 'string' }, description: 'The roles whose messages are trained; ["assistant"] by default.' },
  eos: {
    ...eos,
    description:
      'Whether the end token is trained. score appends it to y or to a last trained segment; in messages it is the token that the template writes after each trained message.'
  },
  prompt_loss_weight: { type: 'number', minimum: 0, maximum: 1, default: 0, description: 'Weight of each masked token in the loss; 0 by default.' },
  reported_loss: {
    type: 'number',
    minimum: -1e12,
    maximum: 1e12,
    description: 'The loss that a training run printed for this example. The diagnosis names the convention that gives it.'
  },
  boundary: { ...boundary, description: `${boundary.description} Applies to x and y only.` },
  prefix_token,
  parse_special_tokens
} as const

const LABELS_TEXT = 'The label of each id: the id itself, or -100 where it is masked; not shifted, as transformers shifts labels inside the model.'
const MASK_TEXT = '1 for tokens and 0 for padding, which can only be at the ends of a row; all 1 by default.'
const MASK_VALUE = { type: 'integer', minimum: 0, maximum: 1 } as const

/** An example among several. */
const EXAMPLE = {
  title: 'LossExample',
  type: 'object',
  description: 'One training example: x and y, segments, messages, or input_ids and labels.',
  additionalProperties: false,
  properties: {
    ...TEXT_FIELDS,
    input_ids: { type: 'array', minItems: 1, items: { type: 'integer' }, description: 'The token ids of the example, complete and in order.' },
    labels: { type: 'array', items: { type: 'integer' }, description: LABELS_TEXT },
    attention_mask: { type: 'array', items: MASK_VALUE, description: MASK_TEXT }
  }
} as const

export const LOSS_REQUEST = {
  title: 'LossRequest',
  type: 'object',
  description: 'A training example as x and y, as segments, as messages, or as input_ids and labels; or a batch of them.',
  additionalProperties: false,
  properties: {
    model,
    ...TEXT_FIELDS,
    reported_loss: {
      ...TEXT_FIELDS.reported_loss,
      description: 'The loss that a training run printed for this example or batch. The diagnosis names the convention that gives it.'
    },
    input_ids: {
      type: 'array',
      minItems: 1,
      items: { type: ['integer', 'array'], items: { type: 'integer' } },
      description: 'Token ids as a data collator holds them: those of one example, or a list of padded rows.'
    },
    labels: { type: 'array', items: { type: ['integer', 'array'], items: { type: 'integer' } }, description: LABELS_TEXT },
    attention_mask: { type: 'array', items: { ...MASK_VALUE, type: ['integer', 'array'], items: MASK_VALUE }, description: MASK_TEXT },
    examples: { type: 'array', minItems: 1, items: EXAMPLE, description: 'A batch of examples in any form, instead of one.' },
    detail: {
      type: 'string',
      enum: ['tokens', 'summary'],
      description: 'Whether the results of a batch list their tokens; summary by default. One example always lists them.'
    }
  }
} as const

export type LossRequestBody = FromSchema<typeof LOSS_REQUEST, { keepDefaultedPropertiesOptional: true }>
