/** The fields of a response to `documents` that tests use. */
export interface JinaBody {
  readonly object: string
  readonly id: string
  readonly model: string
  readonly results: readonly (RankBody & { readonly relevance_score: number; readonly document?: { readonly text: string } })[]
  readonly scoring: string
  readonly normalization?: string
  readonly template?: string
  readonly usage: Readonly<Record<'prompt_tokens' | 'completion_tokens' | 'total_tokens' | 'computed_tokens' | 'cached_tokens', number>>
  readonly meta: { readonly api_version: { readonly version: string }; readonly billed_units: { readonly search_units: number } }
  readonly warnings: readonly { readonly code: string; readonly message: string }[]
  readonly stamp: unknown
}

/** A response to `texts`. */
export type TeiBody = readonly (RankBody & { readonly score: number; readonly text?: string })[]

interface RankBody {
  readonly index: number
  readonly log_prob: number
  readonly normalized_log_prob: number
  readonly baseline_log_prob?: number
  readonly labels?: Readonly<Record<'yes' | 'no' | 'mass', number>>
  readonly counts: Readonly<Record<'x' | 'y', Readonly<Record<'tokens' | 'chars' | 'bytes', number>>>>
  readonly warnings: readonly { readonly code: string }[]
}

export interface TeiProblemBody {
  readonly error: string
  readonly error_type: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly param: string | null
}
