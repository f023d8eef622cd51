import type { FromSchema } from 'json-schema-to-ts'
import { LOGPROB_REQUEST, MESSAGES } from './logprob-request.ts'

const { model, boundary, prefix_token, eos, parse_special_tokens } = LOGPROB_REQUEST.properties

/** Each trained message costs a rendering of all before it. */
const MAX_MESSAGES = 256

/** One schema for the three forms: a union would answer a wrong type with three contradicting messages. */
export const LOSS_REQUEST = {
  type: 'object',
  additionalProperties: false,
  properties: {
    model,
    x: { type: ['string', 'array'], items: { type: 'integer' }, description: 'The prompt: a text, or token ids. Masked.' },
    y: { type: ['string', 'array'], items: { type: 'integer' }, description: 'The completion to be learned: a text, or token ids.' },
    segments: {
      type: 'array',
      minItems: 1,
      maxItems: 8192,
      description: 'In place of x and y: one text in stretches, each learned or masked.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['text', 'train'],
        properties: { text: { type: 'string' }, train: { type: 'boolean', description: 'Whether it is to be learned.' } }
      }
    },
    messages: {
      ...MESSAGES,
      maxItems: MAX_MESSAGES,
      description: 'In place of x and y: a conversation in the chat template of the model, without a generation prompt at its end.'
    },
    train_on: { type: 'array', minItems: 1, items: { type: 'string' }, description: 'The roles whose messages are learned; ["assistant"] by default.' },
    eos: {
      ...eos,
      description:
        'score trains the end token: appended after y or a last trained segment; in messages the control token that the template writes after each trained message.'
    },
    prompt_loss_weight: { type: 'number', minimum: 0, maximum: 1, default: 0, description: 'Weight of every token that is not trained.' },
    reported_loss: {
      type: 'number',
      minimum: -1e12,
      maximum: 1e12,
      description: 'The loss that a training run printed for this example; the answer says which way of counting gives it.'
    },
    boundary: { ...boundary, description: `${boundary.description} For x and y only.` },
    prefix_token,
    parse_special_tokens
  }
} as const

export type LossRequestBody = FromSchema<typeof LOSS_REQUEST, { keepDefaultedPropertiesOptional: true }>
