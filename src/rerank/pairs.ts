import { entryOf } from '../element-at.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { LogprobItem } from '../encoding/logprob-item.ts'
import type { RerankRequest } from './request.ts'

/** The distinct (x, y) of a request. */
export interface RerankPairs {
  /** One item per distinct document, in the order of first appearance. */
  readonly items: readonly LogprobItem[]
  /** Per document of the request: index of its item. */
  readonly itemOf: readonly number[]
  /** Per item: index of its first document. */
  readonly documentOf: readonly number[]
}

/**
 * Splits the separator: its trailing spaces start y, the rest ends x. Tokenizers merge a space with the word after it,
 * and a line break or punctuation with the text before it.
 */
export function splitSeparator(separator: string): { readonly endOfX: string; readonly startOfY: string } {
  let end = separator.length
  while (end > 0 && separator[end - 1] === ' ') end--
  return { endOfX: separator.slice(0, end), startOfY: separator.slice(end) }
}

/** Builds x and y: the given text, the separator, then the text whose probability is computed. */
export function pairsOf({
  query,
  documents,
  field,
  direction,
  separator
}: Pick<RerankRequest, 'query' | 'documents' | 'field' | 'direction' | 'separator'>): RerankPairs {
  const { endOfX, startOfY } = splitSeparator(separator)
  const distinct = [...new Set(documents)]
  const itemByDocument = new Map(distinct.map((document, i) => [document, i]))
  const itemOf = documents.map((document) => entryOf(itemByDocument, document))
  const documentOf: number[] = []
  itemOf.forEach((item, document) => {
    if (item === documentOf.length) documentOf.push(document)
  })
  const items = distinct.map((document, index): LogprobItem => {
    const path = `${field}/${documentOf[index]}`
    if (typeof query !== 'string') return { index, candidate: index, id: null, x: query, y: startOfY + document, param: { x: 'messages', y: path } }
    return direction === 'document_given_query'
      ? { index, candidate: index, id: null, x: query + endOfX, y: startOfY + document, param: { x: 'query', y: path } }
      : { index, candidate: 0, id: null, x: document + endOfX, y: startOfY + query, param: { x: path, y: 'query' } }
  })
  return { items, itemOf, documentOf }
}

/** The distinct baselines of a request. */
export interface Baselines {
  readonly items: readonly LogprobItem[]
  /** Per item of the pairs: index of its baseline. */
  readonly baselineOf: readonly number[]
}

/**
 * Each y after `x` in place of its own x, with the same token ids: the text by itself may be tokenized differently,
 * which would change the difference. `index` continues after the pairs.
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
