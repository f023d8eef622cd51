import { elementAt } from '../element-at.ts'
import { codePointCount } from '../encoding/token-text.ts'
import { ServiceError } from '../errors.ts'
import type { WorkTerms } from '../scheduling/job.ts'
import type { PerplexityEvaluator } from './evaluate.ts'
import { perplexityOptionsOf } from './request.ts'
import { wordsOf } from './text-measure.ts'

/** Defaults of NeMo Guardrails, found for gpt2-large: other models need others. */
export const DEFAULT_THRESHOLDS = { lengthPerPerplexity: 89.79, prefixSuffixPerplexity: 1845.65 } as const

/** Words that a prompt must have for the second heuristic. */
const MIN_WORDS = 20
/** Words of each end. */
const END_WORDS = 19

export interface Thresholds {
  readonly lengthPerPerplexity: number
  readonly prefixSuffixPerplexity: number
}

/** What the heuristics found. Null where there is nothing to compare: too few words, or no token with a probability. */
export interface Heuristics {
  readonly lengthPerPerplexity: boolean
  readonly prefixSuffixPerplexity: boolean
  readonly scores: {
    /** Code points of the prompt over its perplexity per token. */
    readonly length_per_perplexity: number | null
    readonly prefix_perplexity: number | null
    readonly suffix_perplexity: number | null
  }
}

export const HEURISTICS = ['lengthPerPerplexity', 'prefixSuffixPerplexity'] as const

/**
 * The perplexity heuristics of NeMo Guardrails against adversarial prompts: a long prompt that is easy to predict, or a
 * prompt whose first or last words are hard to predict. Computes those that are `wanted`, in one submission. Throws
 * what `PerplexityEvaluator.evaluate` throws, and `invalid_text`.
 */
export async function heuristicsOf(
  prompt: string,
  thresholds: Thresholds,
  wanted: readonly (typeof HEURISTICS)[number][],
  evaluator: Pick<PerplexityEvaluator, 'evaluate' | 'maxModelLen'>,
  terms: WorkTerms
): Promise<Heuristics> {
  const words = wordsOf(prompt)
  const hasEnds = wanted.includes('prefixSuffixPerplexity') && words.length >= MIN_WORDS
  const ends = hasEnds ? [words.slice(0, END_WORDS), words.slice(-MIN_WORDS, -1)].map((own) => own.join(' ')) : []
  const whole = wanted.includes('lengthPerPerplexity') && prompt !== '' ? [prompt] : []
  const texts = [...whole, ...ends].map((text) => ({ text, param: 'prompt' }))
  const { results } = await evaluator.evaluate(texts, perplexityOptionsOf({}, evaluator.maxModelLen), terms)
  const perplexities = results.map((result) => {
    if (!(result instanceof ServiceError)) return result.perplexity.per_token
    // NeMo Guardrails gets NaN for a single token, which is above no threshold.
    if (result.code === 'no_prefix_token') return null
    throw result
  })
  const perplexity = whole.length === 0 ? null : elementAt(perplexities, 0)
  const score = perplexity === null ? null : codePointCount(prompt) / perplexity
  const [prefix = null, suffix = null] = perplexities.slice(whole.length)
  return {
    lengthPerPerplexity: score !== null && score >= thresholds.lengthPerPerplexity,
    prefixSuffixPerplexity: [prefix, suffix].some((end) => end !== null && end >= thresholds.prefixSuffixPerplexity),
    scores: { length_per_perplexity: score, prefix_perplexity: prefix, suffix_perplexity: suffix }
  }
}
