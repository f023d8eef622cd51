import { ServiceError } from '../../errors.ts'
import type { TensorInfo } from './graph.ts'

/** One dimension of a feed: a size, or so many times the number of texts in the batch. */
export type FeedDim = number | { readonly perText: number }

/** What the JSON files of the folder say; 0 for what they do not. */
export interface HeadSizes {
  readonly headSize: number
  readonly keyValueHeads: number
}

const IS_LENGTH = /past|seq|length/i
const IS_BATCH = /batch/i

/**
 * The shape of an empty past of keys or values. Exporters order its dimensions in several ways:
 *
 *     [B, heads, P, size]                        most
 *     [B·heads, P, size]  [B·heads, size, P]     old BLOOM and Falcon
 *     [B, P, 2·size]                             GPT-BigCode with one shared head, keys and values together
 *     [2, B, heads, P, size]                     keys and values together in old GPT-2 exports
 *
 * P is told by the name of its dimension, else by its place, and is 0. Throws `model_unsupported` when a size is not known or P is fixed.
 */
export function emptyPastShape({ name, shape }: TensorInfo, sizes: HeadSizes): readonly FeedDim[] {
  const dims = shape ?? [null, null, null, null]
  const refuse = (what: string): ServiceError =>
    new ServiceError('model_unsupported', `the cache input ${name} has shape [${shape?.join(', ') ?? ''}], ${what}`)
  if (dims.length < 3 || dims.length > 5) throw refuse('expected 3 to 5 dimensions')

  const batchAt = dims.length === 5 ? 1 : 0
  if (typeof dims[batchAt] === 'number') throw refuse('a fixed number of texts: export the model with a dynamic batch')
  const named = dims.findIndex((dim, i) => i !== batchAt && typeof dim === 'string' && IS_LENGTH.test(dim))
  const isTogether = /key_value$/.test(name) && dims.length === 3
  const lengthAt = named >= 0 ? named : isTogether ? 1 : dims.length - 2
  if (typeof dims[lengthAt] === 'number' && dims[lengthAt] !== 0) throw refuse('a past of fixed length: export the model with a dynamic one')

  const need = (size: number, what: string): number => {
    if (size > 0) return size
    throw refuse(`and config.json says nothing of the ${what}`)
  }
  const isFolded = dims.length === 3 && !isTogether
  return dims.map((dim, i) => {
    if (i === lengthAt) return 0
    if (i === batchAt) return { perText: isFolded ? need(sizes.keyValueHeads, 'number of key-value heads') : 1 }
    if (typeof dim === 'number') return dim
    if (typeof dim === 'string' && IS_BATCH.test(dim)) throw refuse('the texts of the batch in a dimension other than the first')
    // Heads stand in front of the length, the size of one behind it or last.
    if (dims.length >= 4 && i < lengthAt && i < dims.length - 1) return need(sizes.keyValueHeads, 'number of key-value heads')
    return need(sizes.headSize, 'size of a head') * (isTogether ? 2 : 1)
  })
}
