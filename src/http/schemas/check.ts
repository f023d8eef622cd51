import type { FromSchema } from 'json-schema-to-ts'
import { MAX_NATS } from '../../scoring/consistency/consistency.ts'
import { arrayOf, boolean, named, number, objectOf, string } from './json-schema.ts'

const NATS = { type: 'number', minimum: -MAX_NATS, maximum: MAX_NATS } as const
const COUNT = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const

/** The body of POST /v1/check. */
export const CHECK_REQUEST = {
  title: 'CheckRequest',
  type: 'object',
  description: 'Log-probabilities that any service reported for one (x, y).',
  additionalProperties: false,
  required: ['joint', 'marginal'],
  properties: {
    joint: { ...NATS, description: 'The reported log Pr([x, y]), in nats.' },
    marginal: { ...NATS, description: 'The reported log Pr(x), in nats.' },
    conditional: { ...NATS, description: 'The reported log Pr(y | x), in nats.' },
    x_tokens: { ...COUNT, description: 'Number of tokens of x.' },
    y_tokens: { ...COUNT, description: 'Number of tokens of y.' },
    token_log_probs: {
      type: 'array',
      items: { ...NATS, type: ['number', 'null'] },
      description: 'The reported log-probability of each token of x, then of y, in nats; null for a first token that was not scored.'
    }
  }
} as const

export type CheckRequest = FromSchema<typeof CHECK_REQUEST>

const VIOLATION = named(
  'Violation',
  objectOf(
    {
      rule: string('The violated rule; docs/guides/loss.md lists all rules.'),
      message: string('What the numbers contradict.'),
      possible_causes: arrayOf(string(), 'Possible causes: first those that the numbers point to, then the most frequent.')
    },
    {},
    'A rule that the reported numbers break.'
  )
)

const IMPLIED = named(
  'ImpliedProbability',
  objectOf(
    { conditional: number('joint - marginal, in nats.') },
    {
      probability: number('exp(conditional); absent when it would be 0 or Infinity as a float64.'),
      probability_note: string('Why probability is absent.')
    },
    'What the reported joint and marginal imply for y given x.'
  )
)

export const CHECK_RESPONSE = named(
  'CheckResponse',
  objectOf(
    {
      consistent: boolean('Whether one model can have given these numbers for one (x, y).'),
      violations: arrayOf(VIOLATION, 'Empty when the numbers are consistent.'),
      implied: IMPLIED
    },
    {},
    'Whether reported log-probabilities are consistent.'
  )
)
