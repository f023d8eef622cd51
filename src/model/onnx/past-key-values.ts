import { ServiceError } from '../../errors.ts'
import { attributeName } from './attributes.ts'
import type { Graph, OnnxNode, TensorInfo } from './graph.ts'

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

/** A cache input and the output that is the same cache with the fed tokens behind it. */
export interface CachePair {
  readonly past: string
  readonly present: string
}

const PAST = /^past(_key_values|_values|_key)?(?=[._])/

/**
 * The keys and values that a scoring graph takes and that the model it was made from gives out, (B, heads, P, size) and (B, heads, P+S, size),
 * matched by name. Null for a graph without past, and for one whose caches have another form or no output.
 */
export function cachePairs(model: Graph, scoring: Pick<Graph, 'inputs'> = model): readonly CachePair[] | null {
  const outputs = new Set(model.outputs.map(({ name }) => name))
  const pairs: CachePair[] = []
  for (const { name, shape } of scoring.inputs) {
    if (!PAST.test(name)) continue
    const present = name.replace(PAST, 'present')
    const [batch, , length, size] = shape ?? []
    const hasForm = shape?.length === 4 && typeof batch !== 'number' && typeof length !== 'number' && !(typeof size === 'string' && IS_LENGTH.test(size))
    if (!hasForm || !outputs.has(present)) return null
    pairs.push({ past: name, present })
  }
  return pairs.length === 0 ? null : pairs
}

/** Attribute of GroupQueryAttention: past and present hold no more than the window, and places count from its start. */
const WINDOWED = 'sliding_window_cache'

/**
 * Makes attention with a cache of its window's size, which onnxruntime-genai's builder writes for local layers, attention without a
 * past: such a cache may not be empty. Who attends to whom is said by `local_window_size` alone, so the numbers of a text that is
 * scored at once are the same.
 */
export function withoutWindowedCaches(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.opType === 'GroupQueryAttention' ? withoutWindow(node) : node)) }
}

function withoutWindow(node: OnnxNode): OnnxNode {
  const attributes = node.attributes.filter((encoded) => attributeName(encoded) !== WINDOWED)
  return attributes.length === node.attributes.length ? node : { ...node, attributes, encoded: null }
}
