export interface CatalogEntry {
  /** When it runs: with every result, with `verify: "deep"` and the sampled share, before the engine is ready, with /v1/loss. */
  readonly runs: readonly ('request' | 'deep' | 'start' | 'loss')[]
  /** What holds when all is well. */
  readonly condition: string
  readonly formula: string
  readonly tolerance: string
  /** Beside the forward pass that gives the result. */
  readonly cost: string
  /** What makes it warn or fail, the most likely first. */
  readonly causes: readonly string[]
  /** What the reader of a warning or failure does next. */
  readonly advice: string
}

/** What a check costs beside the forward pass that gives the result. */
export const FREE = 'none: numbers that are there anyway'
export const TOKENIZER = 'tokenizer only'
export const ONE_PASS = 'one more pass'
export const PROBE = 'raw logits of at most 32 rows'
export const MODEL_TOLERANCE = "the model's tolerance (start-up self-test); fail above ten times that"
