/** Every check with what it compares, in the order of the report. */
export const CHECKS = {
  response: 'every request is answered, with the lists of the completions endpoint',
  list_lengths: 'P entries for P prompt tokens, and one more for the generated token',
  max_tokens_zero: 'with max_tokens 0 nothing is generated: P entries, with the values of a request that generates one',
  first_token: 'the first token, which nothing precedes, has no log-probability',
  finite_log_probs: 'every other token has one: a finite number',
  at_most_zero: 'no log-probability is above 0',
  placeholders: 'no -9999 and no run of zeros in place of a log-probability',
  top_contains_token: 'top_logprobs contains the token, or only tokens that are at least as probable',
  top_mass: 'the probabilities of the top tokens of a position sum to at most 1',
  greedy_token: 'no token is above the largest value of top_logprobs, and the same token has the same value in both lists',
  lists_agree: 'prompt_logprobs has the values of token_logprobs',
  causality: 'a prefix scored alone has the values that it has within a longer text',
  generation_agrees: 'the top tokens after a prefix are those that the echo of a longer text shows at this position',
  cold_equals_warm: 'a text has the same values when the server has seen it before',
  stale_rows: 'texts that share a beginning do not get the values of one another',
  batch_invariance: 'a text alone has the values that it has in a request with others',
  order_invariance: 'the order of the texts in a request does not matter',
  length_boundaries: 'causality and generation_agrees hold around 256, 512, 1024 and 2048 tokens',
  text_equals_ids: 'a text and its token ids have the same values',
  concurrency_invariance: 'requests sent at the same time have the values of requests sent one by one',
  same_model: 'the values are those of the model given with --model'
} as const

export type CheckId = keyof typeof CHECKS

/** A JSON body that shows a finding, sent to the completions endpoint. */
export type RequestBody = Readonly<Record<string, unknown>>

export interface Finding {
  readonly message: string
  /** In the order in which the message names them. */
  readonly requests: readonly RequestBody[]
}

export interface CheckResult {
  readonly id: CheckId
  readonly status: 'pass' | 'fail' | 'skipped'
  /** Values or lists that were compared or examined. */
  readonly compared: number
  /** Largest difference in nats; null for a check without differences. */
  readonly largestDifference: number | null
  /** Why nothing, or not everything, was examined. */
  readonly notes: readonly string[]
  /** How often the check failed; `findings` has the first few. */
  readonly findingCount: number
  readonly findings: readonly Finding[]
}

/** Findings of one check that a report shows. */
const MAX_SHOWN = 3

/** Collects what a check saw. It passes only if something was compared and nothing was found. */
export class Tally {
  readonly id: CheckId
  #compared = 0
  #largest: number | null = null
  #findingCount = 0
  readonly #findings: Finding[] = []
  readonly #notes = new Set<string>()

  constructor(id: CheckId) {
    this.id = id
  }

  get hasFindings(): boolean {
    return this.#findingCount > 0
  }

  examined(count: number, largestDifference: number | null = null): void {
    this.#compared += count
    if (largestDifference !== null) this.#largest = Math.max(this.#largest ?? 0, largestDifference)
  }

  find(message: string, requests: readonly RequestBody[]): void {
    this.#findingCount++
    if (this.#findings.length < MAX_SHOWN) this.#findings.push({ message, requests })
  }

  note(reason: string): void {
    this.#notes.add(reason)
  }

  get result(): CheckResult {
    const status = this.#findingCount > 0 ? 'fail' : this.#compared > 0 ? 'pass' : 'skipped'
    const notes = status === 'skipped' && this.#notes.size === 0 ? ['nothing could be compared'] : [...this.#notes]
    return {
      id: this.id,
      status,
      compared: this.#compared,
      largestDifference: this.#largest,
      notes,
      findingCount: this.#findingCount,
      findings: this.#findings
    }
  }
}

export type Tallies = Readonly<Record<CheckId, Tally>>

export function newTallies(): Tallies {
  return Object.fromEntries(Object.keys(CHECKS).map((id) => [id, new Tally(id as CheckId)])) as Record<CheckId, Tally>
}
