import { ServiceError } from '../../errors.ts'
import { attributeName } from './attributes.ts'
import type { Graph, OnnxNode, TensorInfo } from './graph.ts'

/** One dimension of a feed: a size, or a multiple of the number of texts in the batch. */
export type FeedDim = number | { readonly perText: number }

/** From the JSON files of the model folder; 0 when they do not say. */
export interface HeadSizes {
  readonly headSize: number
  readonly keyValueHeads: number
}

const IS_LENGTH = /past|seq|length/i
const IS_BATCH = /batch/i

/**
 * The shape of an empty past of keys or values. Exports order its dimensions differently:
 *
 *     [B, heads, P, size]                        most
 *     [B·heads, P, size]  [B·heads, size, P]     old BLOOM and Falcon
 *     [B, P, 2·size]                             GPT-BigCode: one shared head, keys and values in one tensor
 *     [2, B, heads, P, size]                     old GPT-2 exports: keys and values in one tensor
 *
 * P, the length of the past, is 0 here. It is found by the name of its dimension, else by its index. Throws
 * `model_unsupported` when a size is unknown or P is fixed.
 */
export function emptyPastShape({ name, shape }: TensorInfo, sizes: HeadSizes): readonly FeedDim[] {
  const dims = shape ?? [null, null, null, null]
  const refuse = (what: string): ServiceError =>
    new ServiceError('model_unsupported', `the cache input ${name} has shape [${shape?.join(', ') ?? ''}], ${what}`)
  if (dims.length < 3 || dims.length > 5) throw refuse('expected 3 to 5 dimensions')

  const batchAt = dims.length === 5 ? 1 : 0
  if (typeof dims[batchAt] === 'number') throw refuse('which is a fixed number of texts: export the model with a dynamic batch')
  const named = dims.findIndex((dim, i) => i !== batchAt && typeof dim === 'string' && IS_LENGTH.test(dim))
  const isTogether = /key_value$/.test(name) && dims.length === 3
  const lengthAt = named >= 0 ? named : isTogether ? 1 : dims.length - 2
  if (typeof dims[lengthAt] === 'number' && dims[lengthAt] !== 0) throw refuse('which is a past of fixed length: export the model with a dynamic one')

  const need = (size: number, what: string): number => {
    if (size > 0) return size
    throw refuse(`and config.json does not state the ${what}: add it`)
  }
  const isFolded = dims.length === 3 && !isTogether
  return dims.map((dim, i) => {
    if (i === lengthAt) return 0
    if (i === batchAt) return { perText: isFolded ? need(sizes.keyValueHeads, 'number of key-value heads') : 1 }
    if (typeof dim === 'number') return dim
    if (typeof dim === 'string' && IS_BATCH.test(dim)) throw refuse('with the texts of the batch in a dimension other than the first')
    // The heads come before the length; the size of a head comes after it, or last.
    if (dims.length >= 4 && i < lengthAt && i < dims.length - 1) return need(sizes.keyValueHeads, 'number of key-value heads')
    return need(sizes.headSize, 'size of a head') * (isTogether ? 2 : 1)
  })
}

/** A cache input, and the output that is the same cache with the fed tokens appended. */
export interface CachePair {
  readonly past: string
  readonly present: string
}

const PAST = /^past(_key_values|_values|_key)?(?=[._])/

/**
 * The cache inputs of a scoring graph, (B, heads, P, size), with the outputs of the original model, (B, heads, P+S,
 * size), matched by name. Null for a graph without past, and when a cache has another form or no output.
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

/** Attribute of GroupQueryAttention: past and present hold at most the window, and columns count from its start. */
const WINDOWED = 'sliding_window_cache'

/**
 * Removes the windowed caches that onnxruntime-genai's builder writes for local layers, because such a cache may not be
 * empty. The attribute `local_window_size` alone decides which tokens are seen, so a text scored in one pass keeps its
 * scores.
 */
export function withoutWindowedCaches(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.opType === 'GroupQueryAttention' ? withoutWindow(node) : node)) }
}

function withoutWindow(node: OnnxNode): OnnxNode {
  const attributes = node.attributes.filter((encoded) => attributeName(encoded) !== WINDOWED)
  return attributes.length === node.attributes.length ? node : { ...node, attributes, encoded: null }
}
