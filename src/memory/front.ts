const MIB = 1 << 20

/** The front process with the included model's tokenizer in both threads, while serving (docs/reference/memory.md). */
export const FRONT_BYTES = 130 * MIB

/** What the memory of a tokenizer grows with. */
export interface VocabularySize {
  readonly tokens: number
  readonly merges: number
}

/** The front process with two tokenizer threads and no vocabulary. */
const WITHOUT_VOCABULARY_BYTES = FRONT_BYTES - 3 * MIB
/** In both threads and the main thread. */
const TOKEN_BYTES = 620
const MERGE_BYTES = 180

/**
 * Predicts the memory of the front process with one tokenizer. The constants fit 10 tokenizers of 4,096 to 262,144
 * tokens within 12 % of the process (docs/reference/memory.md).
 */
export function predictFrontBytes({ tokens, merges }: VocabularySize): number {
  return WITHOUT_VOCABULARY_BYTES + tokens * TOKEN_BYTES + merges * MERGE_BYTES
}
