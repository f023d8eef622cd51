import type { FromSchema } from 'json-schema-to-ts'
import { MAX_NATS } from '../../scoring/consistency/consistency.ts'
import { arrayOf, boolean, number, objectOf, string } from './json-schema.ts'

const NATS = { type: 'number', minimum: -MAX_NATS, maximum: MAX_NATS } as const
const COUNT = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const

/** The body of POST /v1/check. */
export const CHECK_REQUEST = {
  type: 'object',
  additionalProperties: false,
  required: ['joint', 'marginal'],
  properties: {
    joint: { ...NATS, description: 'log Pr([x, y]) as reported, nats.' },
    marginal: { ...NATS, description: 'log Pr(x) as reported, nats.' },
    conditional: { ...NATS, description: 'log Pr(y | x) as reported, nats.' },
    x_tokens: { ...COUNT, description: 'How many tokens x has.' },
    y_tokens: { ...COUNT, description: 'How many tokens y has.' },
    token_log_probs: {
      type: 'array',
      items: { ...NATS, type: ['number', 'null'] },
      description: 'Of every token of x and then of y, nats; null for a first token that was not scored.'
    }
  }
} as const

export type CheckRequest = FromSchema<typeof CHECK_REQUEST>

export const CHECK_RESPONSE = objectOf({
  consistent: boolean('Whether the numbers can belong to one model and one (x, y).'),
  violations: arrayOf(
    objectOf({
      rule: string('Which rule is broken; docs/guides/loss.md lists them.'),
      message: string(),
      possible_causes: arrayOf(string(), 'The most frequent first; one that the numbers point to stands in front.')
    })
  ),
  implied: objectOf(
    { conditional: number('joint - marginal, nats.') },
    {
      probability: number('exp(conditional); left out where float64 would have 0 or Infinity.'),
      probability_note: string('Stands in place of such a probability.')
    }
  )
})
