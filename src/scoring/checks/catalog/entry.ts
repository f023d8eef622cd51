/**
 * What is known of a check before it runs. Its messages quote `causes` and `advice`; docs/reference/checks.md shows
 * all of it.
 */
export interface CatalogEntry {
  /**
   * `request`: with every result; `deep`: with `verify: "deep"` and on sampled traffic; `start`: in the start-up
   * self-test; `loss`: with POST /v1/loss.
   */
  readonly runs: readonly ('request' | 'deep' | 'start' | 'loss')[]
  /** The statement that a pass confirms. The page capitalizes it and adds the full stop. */
  readonly condition: string
  readonly formula: string
  readonly tolerance: string
  /** Work on top of the forward pass that computes the result. */
  readonly cost: string
  /** Clauses that explain a warning or a failure, most likely first. */
  readonly causes: readonly string[]
  /** Sentences that say what to do after a warning or a failure. */
  readonly advice: string
}

export const FREE = 'none'
export const TOKENIZER = 'tokenizer only'
export const ONE_PASS = 'one more pass'
export const PROBE = 'raw logits of at most 32 rows'
export const MODEL_TOLERANCE = "the model's tolerance (start-up self-test); fails above ten times that"
export const SUM_TOLERANCE = "the model's tolerance times the square root of the number of tokens of x"
/** Advice where only a bug in logpr can be the cause. */
export const RETRY = 'Do not use the result. Send the request again; if the check fails again, report a bug.'
export const COMPARE_TOKENIZER = 'Compare tokenizer.json with the one published with the model.'
