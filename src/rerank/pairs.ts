import { entryOf } from '../element-at.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { LogprobItem } from '../encoding/logprob-item.ts'
import type { RerankRequest } from './request.ts'

/** The (x, y) of a request, each once. */
export interface RerankPairs {
  /** One item a distinct document, in the order in which they first appear. */
  readonly items: readonly LogprobItem[]
  /** Of each document of the request, which item it is. */
  readonly itemOf: readonly number[]
  /** Of each item, the first document that it is. */
  readonly documentOf: readonly number[]
}

/**
 * The separator cut in two: spaces at its end begin y, the rest ends x. Tokenizers join a space to the word after it, and
 * a line break or punctuation to what is before it.
 */
export function splitSeparator(separator: string): { readonly endOfX: string; readonly startOfY: string } {
  let end = separator.length
  while (end > 0 && separator[end - 1] === ' ') end--
  return { endOfX: separator.slice(0, end), startOfY: separator.slice(end) }
}

/** x and y as they are scored: the given text, then the separator, then the text whose probability is taken. */
export function pairsOf({ query, documents, field, direction, separator }: Omit<RerankRequest, 'normalization' | 'truncation' | 'limits'>): RerankPairs {
  const { endOfX, startOfY } = splitSeparator(separator)
  const distinct = [...new Set(documents)]
  const positions = new Map(distinct.map((document, i) => [document, i]))
  const itemOf = documents.map((document) => entryOf(positions, document))
  const documentOf = distinct.map((document) => documents.indexOf(document))
  const items = distinct.map((document, index): LogprobItem => {
    const path = `${field}/${documentOf[index]}`
    return direction === 'document_given_query'
      ? { index, candidate: index, id: null, x: query + endOfX, y: startOfY + document, param: { x: 'query', y: path } }
      : { index, candidate: 0, id: null, x: document + endOfX, y: startOfY + query, param: { x: path, y: 'query' } }
  })
  return { items, itemOf, documentOf }
}

/** The baselines of a request, each once. */
export interface Baselines {
  readonly items: readonly LogprobItem[]
  /** Of each item of the pairs, which baseline it is compared with. */
  readonly baselineOf: readonly number[]
}

/**
 * y after `x` in place of its own x, by the very ids that were scored there: a text alone may be tokenized otherwise, and
 * then the difference would be one of tokens. `index` goes on after the pairs.
 */
export function baselinesOf(encoded: readonly EncodedItem[], x: string): Baselines {
  const positions = new Map<string, number>()
  const items: LogprobItem[] = []
  const baselineOf = encoded.map(({ ids, sizes }) => {
    const start = sizes.prefix + sizes.x
    const y = [...ids.subarray(start, start + sizes.y)]
    const key = y.join()
    const known = positions.get(key)
    if (known !== undefined) return known
    const position = items.length
    positions.set(key, position)
    items.push({ index: encoded.length + position, candidate: position, id: null, x, y, param: { x: 'domain_prompt', y: 'domain_prompt' } })
    return position
  })
  return { items, baselineOf }
}
