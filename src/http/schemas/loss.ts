import type { FromSchema } from 'json-schema-to-ts'
import { CHECKS } from './checks.ts'
import { arrayOf, boolean, integer, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { LOGPROB_REQUEST, MESSAGES, STAMP, USAGE } from './logprob.ts'

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

const TOKEN = objectOf({
  id: integer(),
  text: string(),
  bytes: string('base64, exact where a character spans tokens.'),
  part: oneOfWords(['prefix', 'x', 'y', 'eos'], 'y and eos are trained, x is not.'),
  label: integer('The id, or -100 where the token is masked.'),
  reason: oneOfWords(['prompt', 'completion', 'bos', 'eos', 'template', 'straddle']),
  weight: number(),
  log_prob: nullable(number('Nats; null for the first token of the sequence.')),
  loss: number('weight * -log_prob, nats; 0 where masked.'),
  grad_norm: number('Norm of the gradient of loss at the logits of its row; 0 where masked.')
})

const CONVENTION = objectOf({
  convention: string('A name that does not change; docs/guides/loss.md lists them.'),
  value: number('What a run that counts so would print.'),
  difference: number('reported_loss - value.'),
  message: string()
})

const DIAGNOSIS = objectOf(
  {
    summary: string(),
    findings: arrayOf(objectOf({ code: string(), severity: oneOfWords(['error', 'warning', 'note']), message: string() }))
  },
  {
    reported_loss: objectOf(
      {
        value: number(),
        verdict: oneOfWords(['expected', 'other_convention', 'unexplained']),
        conventions: arrayOf(CONVENTION, 'All that give the value, the closest first.')
      },
      { nearest: CONVENTION }
    )
  }
)

export const LOSS_RESPONSE = objectOf(
  {
    object: { const: 'loss' },
    id: string(),
    model: string(),
    tokens: arrayOf(TOKEN),
    loss_sum: number('Sum of loss over the tokens, nats.'),
    loss_mean: nullable(number('loss_sum / loss_denominator; null when nothing is trained.')),
    loss_denominator: number('Sum of the weights: n_y, or n_y + w n_x.'),
    trained_tokens: integer('Completion and end tokens in the loss.'),
    full_sequence: objectOf({ loss_sum: number(), loss_mean: nullable(number()), tokens: integer() }, {}, 'As if nothing were masked.'),
    log_prob: objectOf(
      {
        joint: number('Sum over all tokens, nats.'),
        marginal: nullable(number('Sum over the tokens that are not trained.')),
        conditional: number('Sum over the trained tokens.')
      },
      {},
      'For x and y these are log Pr([x, y]), log Pr(x) and log Pr(y | x).'
    ),
    checks: CHECKS,
    diagnosis: DIAGNOSIS,
    usage: USAGE,
    stamp: STAMP
  },
  { log_prob_eos: number('Sum over the trained end tokens; part of conditional and joint.'), conditional_on_first_token: boolean() }
)
