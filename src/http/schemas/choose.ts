import type { FromSchema } from 'json-schema-to-ts'
import { ORDERS } from '../../choice/candidates.ts'
import { SCORES } from '../../choice/request.ts'
import { CHECKS, WARNINGS } from './check-items.ts'
import { CONVERSATION_OPTIONS, MESSAGES } from './conversation.ts'
import { arrayOf, boolean, integer, named, nullable, number, objectOf, oneOfWords, string } from './json-schema.ts'
import { LOGPROB_REQUEST } from './logprob.ts'
import { ITEM_ERROR, LOGPROB_TOKEN } from './logprob-response.ts'
import { RESPONSE_MODEL, STAMP, USAGE } from './response-parts.ts'

const { model, x, detail, top_logprobs, verify } = LOGPROB_REQUEST.properties

const QUESTION_FIELDS = {
  x,
  messages: MESSAGES,
  ...CONVERSATION_OPTIONS,
  choices: {
    type: 'array',
    minItems: 2,
    description: 'The choices: texts that continue x, or objects with a name and several texts that mean the same.',
    items: {
      type: ['string', 'object'],
      description: 'A text that is scored after x, its leading space included.',
      additionalProperties: false,
      required: ['name', 'texts'],
      properties: {
        name: { type: 'string', maxLength: 256, description: 'Returned with the result.' },
        texts: { type: 'array', minItems: 1, items: { type: 'string' }, description: 'The spellings of the choice; their probabilities are added.' },
        value: { type: 'number', minimum: -1e12, maximum: 1e12, description: 'Place on a scale. When every choice has one, the result has their expectation.' }
      }
    }
  },
  score: {
    type: 'string',
    enum: SCORES,
    description: 'What the probabilities are computed from. By default pmi with domain_prompt, contextual with content_free, and sum without either.'
  },
  domain_prompt: { type: 'string', description: 'The text that replaces x in the baseline of score pmi; none by default.' },
  content_free: {
    type: 'array',
    minItems: 1,
    maxItems: 16,
    items: { type: 'string' },
    description: 'Texts that replace x in the baselines of score contextual: the prompt with N/A or the like in the place of the question.'
  },
  candidates: {
    type: 'array',
    minItems: 2,
    maxItems: 2,
    items: { type: 'string' },
    description: 'Two texts to compare. They replace {candidate_1} and {candidate_2} in x or in the contents of messages.'
  },
  order: {
    type: 'string',
    enum: ORDERS,
    default: 'given',
    description:
      'both asks again with the candidates exchanged and averages the two: the first choice must stand for the candidate in the first place, the second for that in the second place.'
  },
  terminator: {
    type: 'string',
    minLength: 1,
    description:
      'What ends each choice, so that none begins another: none (the default), eos for the end token, or a text such as a line break. It counts in log_prob.'
  }
} as const

/** The body of POST /v1/choose. */
export const CHOOSE_REQUEST = {
  title: 'ChooseRequest',
  type: 'object',
  description: 'A question with its choices, or a list of questions.',
  additionalProperties: false,
  properties: {
    model,
    ...QUESTION_FIELDS,
    questions: {
      type: 'array',
      minItems: 1,
      description: 'A list of questions, instead of one.',
      items: {
        title: 'ChooseQuestion',
        type: 'object',
        description: 'A prompt or conversation with choices.',
        additionalProperties: false,
        required: ['choices'],
        properties: QUESTION_FIELDS
      }
    },
    detail: {
      ...detail,
      enum: ['summary', 'tokens'],
      description: 'Detail of the results: tokens adds the tokens of each choice with their log-probabilities.'
    },
    top_logprobs,
    verify
  }
} as const

export type ChooseRequestBody = FromSchema<typeof CHOOSE_REQUEST, { keepDefaultedPropertiesOptional: true }>

const TOKEN_DETAILS = arrayOf(LOGPROB_TOKEN, 'Each token, with its terminator; with detail tokens only.')

const CHOICE = named(
  'Choice',
  objectOf(
    {
      index: integer('Position in choices.'),
      name: string('The name, or the text, of the choice.'),
      log_prob: number('log Pr(choice | x), in nats; the probabilities of its spellings added. With order both, the mean of the two orders.'),
      score: number('What the probabilities are computed from, in nats. With order both, the mean of the two orders.'),
      probability: number('Softmax of the scores over the choices.'),
      tokens: integer('Tokens of the most probable spelling, with the terminator.')
    },
    {
      value: number('Place on the scale, as sent.'),
      token_details: TOKEN_DETAILS,
      spellings: arrayOf(
        named(
          'ChoiceSpelling',
          objectOf(
            { text: string('The text.'), log_prob: number('log Pr(text | x), in nats.'), tokens: integer('Its tokens, with the terminator.') },
            { token_details: TOKEN_DETAILS },
            'One text that stands for a choice.'
          )
        ),
        'Present when the choice has several texts.'
      )
    },
    'A choice with its probability.'
  )
)

const VERDICT = {
  best: string('Name of the choice with the highest score.'),
  choices: arrayOf(CHOICE, 'In the order of the request.'),
  margin: number('Probability of the best choice minus that of the second best.'),
  entropy: number('Entropy of the probabilities, in nats.'),
  mass: nullable(number('Probability that x continues with any of the choices; null when one begins another.'))
}
const OPTIONAL_OF_VERDICT = {
  mass_note: string('Why there is no mass.'),
  expectation: number('Sum of probability times value; present when every choice has a value.'),
  deviation: number('Standard deviation of the values.')
}

const ANSWER = named(
  'ChooseResult',
  objectOf(
    {
      object: { const: 'choice.result', description: 'Marks an answered question.' },
      index: integer('Position of the question.'),
      ...VERDICT,
      checks: CHECKS,
      warnings: WARNINGS
    },
    {
      ...OPTIONAL_OF_VERDICT,
      position_bias: number(
        'With order both: log-odds in nats by which the model prefers the first place to the second, whichever candidate is in it. Above 0 it prefers the first.'
      ),
      orders_agree: boolean('With order both: whether the same candidate is best in both orders.'),
      orders: arrayOf(
        named(
          'ChooseOrder',
          objectOf(
            { order: oneOfWords(['given', 'swapped'], 'swapped: candidate 2 is in the first place.'), ...VERDICT },
            OPTIONAL_OF_VERDICT,
            'What the model says in one order; the choices stand for places, as the model reads them.'
          )
        ),
        'With order both: the two orders.'
      )
    },
    'The answer to one question.'
  )
)

const FAILURE = named(
  'ChooseFailure',
  objectOf(
    {
      object: { const: 'choice.failure', description: 'Marks a question without an answer.' },
      index: integer('Position of the question.'),
      error: ITEM_ERROR
    },
    {},
    'A question that could not be answered, among several.'
  )
)

const OUTCOME = named('ChooseOutcome', {
  description: 'An answer, or the reason why there is none; object tells them apart.',
  oneOf: [ANSWER, FAILURE],
  discriminator: {
    propertyName: 'object',
    mapping: { 'choice.result': '#/components/schemas/ChooseResult', 'choice.failure': '#/components/schemas/ChooseFailure' }
  }
})

export const CHOOSE_RESPONSE = named(
  'ChooseResponse',
  objectOf(
    {
      object: { const: 'choice' },
      id: string('Id of the response.'),
      model: RESPONSE_MODEL,
      results: arrayOf(OUTCOME, 'One result per question, in input order.'),
      usage: USAGE,
      stamp: STAMP
    },
    {},
    'The answers to all questions.'
  )
)
