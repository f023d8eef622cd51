import type { Item } from './item.ts'
import { X_TOKENS, Y_TOKENS } from './pairs.ts'
import { RandomIds } from './random-ids.ts'

/** Distinct bodies of POST /v1/logprob with one pair each. */
export function pairBodies(seed: number, vocabSize: number): { next(): { readonly body: string; readonly tokens: number } } {
  const random = new RandomIds(seed, vocabSize)
  return {
    next() {
      const x = random.ids(random.between(...X_TOKENS))
      const y = random.ids(random.between(...Y_TOKENS))
      // The prefix token is fed to the model; the last token is not.
      return { body: JSON.stringify({ x, y, terms: ['conditional'] }), tokens: x.length + y.length }
    }
  }
}

/** The body of POST /v1/logprob with each item as a pair. */
export function bodyOfItems(items: readonly Item[], fields: Readonly<Record<string, unknown>> = {}): string {
  const pairs = items.map(({ context, continuation }) => ({ x: context, y: continuation }))
  return JSON.stringify({ pairs, prefix_token: 'none', terms: ['conditional'], ...fields })
}
