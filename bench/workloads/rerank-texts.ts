import { RandomNormal } from '../models/random-normal.ts'
import { PROSE } from '../support/prose.ts'
import type { Client } from '../support/server.ts'

/** A query and the documents to rank for it. */
export interface RerankTexts {
  readonly query: string
  readonly documents: readonly string[]
}

/**
 * Texts of random words, different each time, cut to a number of tokens with the service's tokenizer. A text may be a
 * few tokens longer.
 */
export async function rerankTexts(
  client: Client,
  documents: number,
  documentTokens: readonly [least: number, most: number]
): Promise<{ next(queryTokens: number): RerankTexts }> {
  const random = new RandomNormal(21)
  const sizes = await Promise.all(
    [...new Set(PROSE.split(' '))].map(async (word): Promise<[string, number]> => {
      const { count } = JSON.parse(await client.post('/tokenize', JSON.stringify({ prompt: ` ${word}`, add_special_tokens: false }))) as { count: number }
      return [word, count]
    })
  )
  const text = (tokens: number): string => {
    const taken: string[] = []
    for (let length = 0; length < tokens; ) {
      const [word, size] = sizes[random.integer(sizes.length)]!
      taken.push(word)
      length += size
    }
    return taken.join(' ')
  }
  const [least, most] = documentTokens
  return {
    next: (queryTokens) => ({
      query: text(queryTokens),
      documents: Array.from({ length: documents }, () => text(least + random.integer(most - least + 1)))
    })
  }
}
