const MIB = 1 << 20

/** The front process with the included model's tokenizer in both threads, while serving (docs/reference/memory.md). */
export const FRONT_BYTES = 130 * MIB

/** What the memory of a tokenizer grows with. */
export interface VocabularySize {
  readonly tokens: number
  readonly merges: number
  /** Whether tokenizer.json has merges as pairs of strings, which share memory, instead of one string each. */
  readonly mergesArePairs: boolean
}

/** The front process with two tokenizer threads and no vocabulary. */
const WITHOUT_VOCABULARY_BYTES = FRONT_BYTES - 11 * MIB
/** Both threads together, each with the vocabulary for ordinary text and for text with control tokens. */
const TOKEN_BYTES = 2254
const MERGE_BYTES = 1101
const PAIRED_MERGE_BYTES = 524

/**
 * Predicts the memory of the front process with one tokenizer. The constants fit 11 tokenizers of 4,096 to 262,144
 * tokens within 8 % (docs/reference/memory.md).
 */
export function predictFrontBytes({ tokens, merges, mergesArePairs }: VocabularySize): number {
  return WITHOUT_VOCABULARY_BYTES + tokens * TOKEN_BYTES + merges * (mergesArePairs ? PAIRED_MERGE_BYTES : MERGE_BYTES)
}
