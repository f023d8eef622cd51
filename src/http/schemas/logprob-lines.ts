import type { FromSchema } from 'json-schema-to-ts'
import { named, objectOf, string } from './json-schema.ts'
import { LOGPROB_PAIR, LOGPROB_REQUEST } from './logprob.ts'
import { LOGPROB_ARRAYS } from './logprob-arrays.ts'
import { LOGPROB_FAILURE, LOGPROB_RESULT, LOGPROB_TOTALS } from './logprob-response.ts'
import { RESPONSE_MODEL, STAMP } from './response-parts.ts'

const { model, boundary, prefix_token, eos, parse_special_tokens, on_overflow, terms, detail, top_logprobs, format, verify } = LOGPROB_REQUEST.properties

/** The first line of a body of JSON Lines may say how to score the others. */
export const LOGPROB_OPTIONS_LINE = {
  type: 'object',
  additionalProperties: false,
  properties: { model, boundary, prefix_token, eos, parse_special_tokens, on_overflow, terms, detail, top_logprobs, format, verify }
} as const

export type LogprobOptionsLine = FromSchema<typeof LOGPROB_OPTIONS_LINE, { keepDefaultedPropertiesOptional: true }>

/** The body of POST /v1/logprob as JSON Lines, in words. Each line is validated when it is read. */
export const LOGPROB_LINES = `The body may be JSON Lines (\`application/x-ndjson\`), and then the response is too: one pair per line (${Object.keys(
  LOGPROB_PAIR.properties
).join(
  ', '
)}), the first line may hold options instead (${Object.keys(LOGPROB_OPTIONS_LINE.properties).join(', ')}), and the last line of the response is a summary.`

/** The last line of a stream. */
const LOGPROB_SUMMARY = named(
  'LogprobSummary',
  objectOf(
    {
      object: { const: 'logprob.summary', description: 'Marks the last line.' },
      id: string('Id of the response.'),
      model: RESPONSE_MODEL,
      ...LOGPROB_TOTALS,
      stamp: STAMP
    },
    {},
    'What the request came to.'
  )
)

/** One line of a stream. */
export const LOGPROB_LINE = named('LogprobLine', {
  description: 'A result, the reason why there is none, or the summary at the end; object tells them apart.',
  oneOf: [LOGPROB_RESULT, LOGPROB_ARRAYS, LOGPROB_FAILURE, LOGPROB_SUMMARY],
  discriminator: {
    propertyName: 'object',
    mapping: {
      'logprob.result': '#/components/schemas/LogprobResult',
      'logprob.arrays': '#/components/schemas/LogprobArrays',
      'logprob.failure': '#/components/schemas/LogprobFailure',
      'logprob.summary': '#/components/schemas/LogprobSummary'
    }
  }
})
