import type { Item, Slice } from './item.ts'
import { RandomIds } from './random-ids.ts'

/**
 * One long text per slice. All of its tokens are scored, in windows that start with the last token of the previous one.
 */
export function rollingSlices(seed: number, vocabSize: number, slices: number, textTokens: number, contextTokens: number): Slice[] {
  const random = new RandomIds(seed, vocabSize)
  return Array.from({ length: slices }, () => {
    const items = windows(random.begun(textTokens), contextTokens)
    return { items, part: items }
  })
}

function windows(ids: readonly number[], contextTokens: number): Item[] {
  const items: Item[] = []
  for (let at = 1; at < ids.length; at += contextTokens - 1) {
    items.push({ context: ids.slice(at - 1, at), continuation: ids.slice(at, at + contextTokens - 1) })
  }
  return items
}
