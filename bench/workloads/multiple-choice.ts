import type { Item, Slice } from './item.ts'
import { RandomIds } from './random-ids.ts'

export const OPTIONS_EACH = 4
/** Smallest and largest number of tokens. */
export const QUESTION_TOKENS = [10, 40] as const
export const OPTION_TOKENS = [1, 12] as const

/**
 * A few-shot task: questions that all start with the same examples, each with four options. A slice is a task with its
 * own examples; slow contestants score `partQuestions` of its questions.
 */
export function multipleChoiceSlices(
  seed: number,
  vocabSize: number,
  sizes: { readonly slices: number; readonly sharedTokens: number; readonly questions: number; readonly partQuestions: number }
): Slice[] {
  const random = new RandomIds(seed, vocabSize)
  return Array.from({ length: sizes.slices }, () => {
    const shared = random.begun(sizes.sharedTokens - 1)
    const items = Array.from({ length: sizes.questions }, () => {
      const context = [...shared, ...random.ids(random.between(...QUESTION_TOKENS))]
      return Array.from({ length: OPTIONS_EACH }, (): Item => ({ context, continuation: random.ids(random.between(...OPTION_TOKENS)) }))
    }).flat()
    return { items, part: items.slice(0, OPTIONS_EACH * sizes.partQuestions) }
  })
}
