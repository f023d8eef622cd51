import { type Graph, type OnnxNode, producersOf } from './graph.ts'

const PRODUCTS = new Set([
  'MatMul',
  'FusedMatMul',
  'Gemm',
  'Einsum',
  'MatMulNBits',
  'MatMulBnb4',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'QLinearMatMul',
  'DynamicQuantizeMatMul'
])
/** What else may let a token's numbers depend on its neighbours'. */
const MIXING = new Set(['Conv', 'CumSum', 'LSTM', 'GRU', 'RNN', 'If', 'Loop', 'Scan'])

/** One Softmax over the scores of queries and keys. */
export interface AttentionSoftmax {
  readonly softmax: OnnxNode
  /** The last Add in front of it whose second term is a mask, and which of its inputs that is; null where scores are masked otherwise. */
  readonly masking: { readonly add: OnnxNode; readonly input: number } | null
  /** Whether columns that are no tokens, as attention sinks, join the scores in front of the Softmax. */
  readonly hasExtraColumns: boolean
}

/** Everything in a graph that lets tokens see each other. */
interface TokenMixing {
  readonly softmaxes: readonly AttentionSoftmax[]
  /** Whole attentions in one operator: GroupQueryAttention, MultiHeadAttention and others of their kind. */
  readonly fused: readonly OnnxNode[]
  /** Nodes that may mix tokens in a way that was not recognised. */
  readonly strangers: readonly OnnxNode[]
}

/**
 * Finds attention by its data flow, softmax(queries x keys, masked) x values, where both factors of each product are computed from the
 * text. What stands between them differs from export to export: scales, soft-caps, casts, guards against NaN.
 */
export function tokenMixingOf(graph: Graph): TokenMixing {
  const activations = activationsOf(graph)
  const producers = producersOf(graph)
  const activeInputs = (node: OnnxNode): string[] => [...node.inputs, ...node.captures].filter((name) => activations.has(name))
  const ofText = graph.nodes.filter((node) => activeInputs(node).length > 0)
  const isTextProduct = (node: OnnxNode): boolean => PRODUCTS.has(node.opType) && activeInputs(node).length > 1

  const known = new Set<OnnxNode>()
  const softmaxes: AttentionSoftmax[] = []
  for (const softmax of ofText.filter(({ opType }) => opType === 'Softmax')) {
    const { path, products } = pathTo(softmax, producers, activeInputs)
    // The Softmax of a router of experts follows a product with weights.
    if (products.length === 0 || !products.every(isTextProduct)) continue
    for (const product of products) known.add(product)
    const add = path.find((node) => node.opType === 'Add' && activeInputs(node).length === 1 && !isConstant(otherInput(node, activations), graph, producers))
    const masking = add === undefined ? null : { add, input: add.inputs.indexOf(otherInput(add, activations)) }
    const added = add === undefined ? path.length : path.indexOf(add)
    const hasExtraColumns = path.slice(0, masking === null ? path.length : added).some(({ opType }) => opType === 'Concat')
    softmaxes.push({ softmax, masking, hasExtraColumns })
  }

  const consumers = consumersOf(ofText)
  for (const { softmax } of softmaxes) for (const product of firstProductsAfter(softmax, consumers)) known.add(product)
  const fused = ofText.filter(({ opType }) => opType.endsWith('Attention'))
  const strangers = ofText.filter((node) => (isTextProduct(node) && !known.has(node)) || (MIXING.has(node.opType) && !node.name.startsWith('logpr.')))
  return { softmaxes, fused, strangers }
}

/** The nodes between a Softmax and the products in front of it, the nearest first. */
function pathTo(
  softmax: OnnxNode,
  producers: ReadonlyMap<string, OnnxNode>,
  activeInputs: (node: OnnxNode) => string[]
): { path: OnnxNode[]; products: OnnxNode[] } {
  const path: OnnxNode[] = []
  const products: OnnxNode[] = []
  const open = [softmax]
  for (let node = open.shift(); node !== undefined; node = open.shift()) {
    for (const name of activeInputs(node)) {
      const before = producers.get(name)
      if (before === undefined || path.includes(before) || products.includes(before)) continue
      if (PRODUCTS.has(before.opType)) products.push(before)
      else {
        path.push(before)
        open.push(before)
      }
    }
  }
  return { path, products }
}

function firstProductsAfter(softmax: OnnxNode, consumers: ReadonlyMap<string, readonly OnnxNode[]>): Set<OnnxNode> {
  const seen = new Set([softmax])
  const products = new Set<OnnxNode>()
  const open = [softmax]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const next of node.outputs.flatMap((name) => consumers.get(name) ?? [])) {
      if (seen.has(next)) continue
      seen.add(next)
      if (PRODUCTS.has(next.opType)) products.add(next)
      else open.push(next)
    }
  }
  return products
}

function consumersOf(nodes: readonly OnnxNode[]): ReadonlyMap<string, readonly OnnxNode[]> {
  const consumers = new Map<string, OnnxNode[]>()
  for (const node of nodes) for (const name of node.inputs) consumers.set(name, [...(consumers.get(name) ?? []), node])
  return consumers
}

function otherInput({ inputs }: OnnxNode, activations: ReadonlySet<string>): string {
  return inputs.find((name) => !activations.has(name)) ?? ''
}

/** A bias or an epsilon, not a mask. */
function isConstant(name: string, { initializers }: Graph, producers: ReadonlyMap<string, OnnxNode>): boolean {
  return producers.get(name)?.opType === 'Constant' || initializers.some((each) => each.name === name)
}

/**
 * Heads whose S x S scores are written out: `heads`, those of a layer as config.json states them, where a Softmax stands in the graph; 0 where
 * fused operators alone compute attention.
 */
export function attentionHeads(graph: Graph, heads: number): number {
  return tokenMixingOf(graph).softmaxes.length > 0 ? heads : 0
}

/** They read how large a tensor is, not what it holds. */
const SIZE_READERS = new Set(['Shape', 'Size'])

/**
 * The tensors whose values come from the embedded tokens or from a past: hidden states, queries, keys, scores. Masks, positions and
 * shapes, which follow from how long the texts are, are not among them. One pass is enough, as ONNX wants nodes in topological order.
 */
function activationsOf({ nodes, inputs }: Graph): ReadonlySet<string> {
  const ids = new Set(['input_ids'])
  const activations = new Set(inputs.map(({ name }) => name).filter((name) => name.startsWith('past')))
  for (const node of nodes) {
    if (SIZE_READERS.has(node.opType)) continue
    const [data = '', indices = ''] = node.inputs
    const isEmbedding = node.opType.startsWith('Gather') && ids.has(indices) && !ids.has(data)
    const reads = (set: ReadonlySet<string>): boolean => [...node.inputs, ...node.captures].some((name) => set.has(name))
    const kind = isEmbedding || reads(activations) ? activations : reads(ids) ? ids : null
    if (kind !== null) for (const output of node.outputs) kind.add(output)
  }
  return activations
}
