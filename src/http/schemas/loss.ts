import type { FromSchema } from 'json-schema-to-ts'
import { CHECKS } from './check-items.ts'
import { CONVERSATION_OPTIONS, MESSAGES } from './conversation.ts'
import { arrayOf, boolean, integer, named, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { LOGPROB_REQUEST } from './logprob.ts'
import { RESPONSE_MODEL, STAMP, USAGE } from './response-parts.ts'

const { model, boundary, prefix_token, eos, parse_special_tokens } = LOGPROB_REQUEST.properties

/** Each trained message costs one rendering of all messages before it. */
const MAX_MESSAGES = 256

/** One schema for the three forms: a union would report a wrong type with three contradicting messages. */
export const LOSS_REQUEST = {
  title: 'LossRequest',
  type: 'object',
  description: 'One training example, as x and y, as segments or as messages.',
  additionalProperties: false,
  properties: {
    model,
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
  }
} as const

export type LossRequestBody = FromSchema<typeof LOSS_REQUEST, { keepDefaultedPropertiesOptional: true }>

const TOKEN = named(
  'LossToken',
  objectOf(
    {
      id: integer('Token id.'),
      text: string('Text of the token; bytes of an incomplete character appear as U+FFFD.'),
      bytes: string('Bytes of the token in base64, exact even when a character spans tokens.'),
      part: oneOfWords(['prefix', 'x', 'y', 'eos'], 'y and eos are trained; prefix and x are masked.'),
      label: integer('The token id, or -100 when the token is masked.'),
      reason: oneOfWords(
        ['prompt', 'completion', 'bos', 'eos', 'template', 'straddle'],
        'Why the token is trained or masked; docs/guides/loss.md explains each.'
      ),
      weight: number('Weight of the token in the loss.'),
      log_prob: nullable(number('In nats; null for the first token of the sequence.')),
      loss: number('weight * -log_prob, in nats; 0 when masked.'),
      grad_norm: number('Norm of the gradient of the loss with respect to the logits of this position; 0 when masked.')
    },
    {},
    'A token of the training example.'
  )
)

const CONVENTION = named(
  'LossConvention',
  objectOf(
    {
      convention: string('Stable name of the convention; docs/guides/loss.md lists all.'),
      value: number('The loss that this convention gives.'),
      difference: number('reported_loss - value.'),
      message: string('What the convention computes.')
    },
    {},
    'A way in which training code computes the loss of an example.'
  )
)

const FINDING = named(
  'LossFinding',
  objectOf(
    {
      code: string('Stable name of the finding; docs/guides/loss.md lists all.'),
      severity: oneOfWords(
        ['error', 'warning', 'note'],
        'error: nothing is learned; warning: something unintended is learned; note: a choice that may be intended.'
      ),
      message: string('What is wrong and what to do.')
    },
    {},
    'A problem in the mask of the example.'
  )
)

const REPORTED_LOSS = named(
  'ReportedLoss',
  objectOf(
    {
      value: number('reported_loss of the request.'),
      verdict: oneOfWords(['expected', 'other_convention', 'unexplained'], 'Whether the value is the expected loss, that of another convention, or neither.'),
      conventions: arrayOf(CONVENTION, 'All conventions that give the value, the closest first.')
    },
    { nearest: CONVENTION },
    'The convention that explains reported_loss. When none does, nearest is the closest.'
  )
)

const DIAGNOSIS = named(
  'LossDiagnosis',
  objectOf(
    { summary: string('The finding in one or two sentences.'), findings: arrayOf(FINDING, 'Empty when the mask is as expected.') },
    { reported_loss: REPORTED_LOSS },
    'Problems of the example, and what explains the reported loss.'
  )
)

const FULL_SEQUENCE = named(
  'FullSequenceLoss',
  objectOf(
    {
      loss_sum: number('Sum of -log_prob over all tokens, in nats.'),
      loss_mean: nullable(number('loss_sum / tokens; null when no token has a log-probability.')),
      tokens: integer('Number of tokens with a log-probability.')
    },
    {},
    'The loss with no token masked.'
  )
)

const SUMS = named(
  'LossSums',
  objectOf(
    {
      joint: number('Sum over all tokens, in nats.'),
      marginal: nullable(number('Sum over the masked tokens.')),
      conditional: number('Sum over the trained tokens.')
    },
    {},
    'Sums of log-probabilities; for x and y they are log Pr([x, y]), log Pr(x) and log Pr(y | x).'
  )
)

export const LOSS_RESPONSE = named(
  'LossResponse',
  objectOf(
    {
      object: { const: 'loss' },
      id: string('Id of the response.'),
      model: RESPONSE_MODEL,
      tokens: arrayOf(TOKEN, 'Every token of the example, in order.'),
      loss_sum: number('Sum of loss over all tokens, in nats.'),
      loss_mean: nullable(number('loss_sum / loss_denominator; null when no token is trained.')),
      loss_denominator: number('Sum of the weights: n_y, or n_y + w n_x with prompt_loss_weight w.'),
      trained_tokens: integer('Number of completion and end tokens in the loss.'),
      full_sequence: FULL_SEQUENCE,
      log_prob: SUMS,
      checks: CHECKS,
      diagnosis: DIAGNOSIS,
      usage: USAGE,
      stamp: STAMP
    },
    {
      log_prob_eos: number('Sum over the trained end tokens; included in conditional and joint.'),
      conditional_on_first_token: boolean('Present when no prefix token precedes the text, so that the first token has no loss.')
    },
    'What supervised fine-tuning would compute for one example.'
  )
)
