import { STATISTICS } from '../../statistics/statistics.ts'
import { named, nullable, number, objectOf } from './json-schema.ts'

/** Request fields of the endpoints that answer statistics of a text. */
export const STATISTICS_FIELDS = {
  statistics: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: { type: 'string', enum: STATISTICS },
    description: 'Statistics of the scored text; docs/guides/statistics.md says what each can and cannot show.'
  },
  min_k_percent: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 100,
    description: 'K of min_k and min_k_plus_plus: the percentage of tokens to average, those with the lowest values; 20 if omitted.'
  }
} as const

export const STATISTICS_VALUES = named(
  'TextStatistics',
  objectOf(
    {},
    {
      min_k: nullable(
        number('Min-K% (Shi et al. 2023): mean log-probability of the K % least probable tokens, in nats. Higher values hint at text seen in training.')
      ),
      min_k_plus_plus: nullable(
        number(
          'Min-K%++ (Zhang et al. 2024): mean of the K % lowest (log p - E[log p]) / sd(log p), moments under the model. Without unit; comparable within a model.'
        )
      ),
      zlib_ratio: nullable(
        number('Carlini et al. 2021: -log Pr(text), in nats, per byte of the text compressed by zlib at level 6. Low values hint at memorized text.')
      ),
      sampling_discrepancy: nullable(
        number(
          'Fast-DetectGPT (Bao et al. 2023) with this model as its own sampler: (sum log p - sum E[log p]) / sqrt(sum Var[log p]). High values hint at text that a similar model generated.'
        )
      )
    },
    'The requested statistics. A statistic that was not requested is absent; null where its formula divides by zero, with a warning. None of them is proof: each needs a threshold from texts of known origin.'
  )
)
