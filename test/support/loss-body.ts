/** The fields of a /v1/loss response that tests use. */
export interface LossBody {
  readonly object: string
  readonly id: string
  readonly model: string
  readonly tokens: readonly LossTokenBody[]
  readonly loss_sum: number
  readonly loss_mean: number | null
  readonly loss_denominator: number
  readonly trained_tokens: number
  readonly full_sequence: { readonly loss_sum: number; readonly loss_mean: number | null; readonly tokens: number }
  readonly log_prob: { readonly joint: number; readonly marginal: number | null; readonly conditional: number }
  readonly log_prob_eos?: number
  readonly conditional_on_first_token?: boolean
  readonly padding?: { readonly left: number; readonly right: number }
  readonly checks: { readonly verdict: string; readonly items: readonly { readonly id: string; readonly status: string; readonly independent: boolean }[] }
  readonly diagnosis: {
    readonly summary: string
    readonly findings: readonly { readonly code: string; readonly severity: string; readonly message: string }[]
    readonly reported_loss?: {
      readonly value: number
      readonly verdict: string
      readonly conventions: readonly ConventionBody[]
      readonly nearest?: ConventionBody
    }
  }
  readonly usage: Readonly<Record<string, number>>
  readonly stamp: Readonly<Record<string, unknown>>
}

/** The fields of the response to a batch that tests use. */
export interface LossBatchBody {
  readonly object: string
  readonly results: readonly (Omit<LossBody, 'tokens'> & { readonly tokens?: LossBody['tokens'] })[]
  readonly loss_mean: number
  readonly loss_mean_over_examples: number
  readonly trained_tokens: number
  readonly trained_examples: number
  readonly diagnosis: Pick<LossBody['diagnosis'], 'summary' | 'reported_loss'>
  readonly usage: Readonly<Record<string, number>>
}

interface LossTokenBody {
  readonly id: number
  readonly text: string
  readonly bytes: string
  readonly part: string
  readonly label: number
  readonly reason: string
  readonly weight: number
  readonly log_prob: number | null
  readonly loss: number
  readonly grad_norm: number
}

interface ConventionBody {
  readonly convention: string
  readonly value: number
  readonly difference: number
  readonly message: string
}

/** The texts of the labelled tokens. */
export function trainedTexts({ tokens }: LossBody): string[] {
  return tokens.filter(({ label }) => label !== -100).map(({ text }) => text)
}

export function findingCodes({ diagnosis }: LossBody): string[] {
  return diagnosis.findings.map(({ code }) => code)
}
