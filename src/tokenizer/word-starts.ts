import { isSliceOver, nextSlice } from '../event-loop.ts'
import { beginsWithWhiteSpace } from '../scoring/words/white-space.ts'
import type { Tokenizer } from './tokenizer.ts'

/**
 * The ids after which the word before is known to be complete: tokens whose bytes begin with white space, and the end
 * token. Oh and Schuler (2024) and Pimentel and Meister (2024) sum their probabilities.
 */
export async function wordStartIds(tokenizer: Pick<Tokenizer, 'info' | 'bytesOf'>): Promise<Int32Array> {
  const ids: number[] = []
  const { vocabSize, endId } = tokenizer.info
  for (let id = 0; id < vocabSize; id++) {
    if (isSliceOver()) await nextSlice()
    if (id === endId || beginsWithWhiteSpace(tokenizer.bytesOf(id))) ids.push(id)
  }
  return Int32Array.from(ids)
}
