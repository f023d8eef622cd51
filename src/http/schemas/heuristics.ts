import type { FromSchema } from 'json-schema-to-ts'
import { DEFAULT_THRESHOLDS } from '../../perplexity/heuristics.ts'
import { boolean, named, nullable, number, objectOf } from './json-schema.ts'
import { LOGPROB_REQUEST } from './logprob.ts'

/** The body of the heuristics of NeMo Guardrails. */
export const HEURISTICS_REQUEST = {
  title: 'HeuristicsRequest',
  type: 'object',
  description: "A prompt to check, in the format of NeMo Guardrails' jailbreak detection server.",
  required: ['prompt'],
  properties: {
    model: LOGPROB_REQUEST.properties.model,
    prompt: { type: 'string', description: 'What the user wrote.' },
    lp_threshold: {
      type: ['number', 'null'],
      minimum: -Number.MAX_VALUE,
      maximum: Number.MAX_VALUE,
      default: DEFAULT_THRESHOLDS.lengthPerPerplexity,
      description: 'Characters per perplexity from which on a prompt is a jailbreak.'
    },
    ps_ppl_threshold: {
      type: ['number', 'null'],
      minimum: -Number.MAX_VALUE,
      maximum: Number.MAX_VALUE,
      default: DEFAULT_THRESHOLDS.prefixSuffixPerplexity,
      description: 'Perplexity of the first or last words from which on a prompt is a jailbreak.'
    }
  }
} as const

export type HeuristicsRequest = FromSchema<typeof HEURISTICS_REQUEST, { keepDefaultedPropertiesOptional: true }>

const SCORES = named(
  'HeuristicScores',
  objectOf(
    {
      length_per_perplexity: nullable(number('Characters of the prompt over its perplexity per token.')),
      prefix_perplexity: nullable(number('Perplexity of the first 19 words; null for fewer than 20 words.')),
      suffix_perplexity: nullable(number('Perplexity of the 19 words before the last one; null for fewer than 20 words.'))
    },
    {},
    'What the thresholds were compared with; NeMo Guardrails ignores them. Null where it was not computed.'
  )
)

/** Of one heuristic. */
export const HEURISTIC_RESPONSE = named(
  'HeuristicResponse',
  objectOf({ jailbreak: boolean('Whether the prompt is at or above the threshold.'), scores: SCORES }, {}, 'The outcome of one heuristic.')
)

/** Of all heuristics. */
export const HEURISTICS_RESPONSE = named(
  'HeuristicsResponse',
  objectOf(
    {
      jailbreak: boolean('Whether any heuristic found a jailbreak.'),
      length_per_perplexity: boolean('Whether the prompt is long for its perplexity.'),
      prefix_suffix_perplexity: boolean('Whether the first or the last words are hard to predict.'),
      scores: SCORES
    },
    {},
    'The outcome of all heuristics.'
  )
)
