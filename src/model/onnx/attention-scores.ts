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
/** Other operators through which one token's values may depend on another's. */
const MIXING = new Set(['Conv', 'CumSum', 'LSTM', 'GRU', 'RNN', 'If', 'Loop', 'Scan'])

/** A Softmax over the scores of queries and keys. */
export interface AttentionSoftmax {
  readonly softmax: OnnxNode
  /**
   * The last Add before it that adds a mask, and the index of that input; null when scores are masked in another way.
   */
  readonly masking: { readonly add: OnnxNode; readonly input: number } | null
  /** Whether columns without a token, such as attention sinks, join the scores before the Softmax. */
  readonly hasExtraColumns: boolean
}

/** Every node through which tokens attend to each other. */
interface TokenMixing {
  readonly softmaxes: readonly AttentionSoftmax[]
  /** Operators that compute a whole attention: GroupQueryAttention, MultiHeadAttention and similar ones. */
  readonly fused: readonly OnnxNode[]
  /** Nodes that may mix tokens in a way that logpr does not recognise. */
  readonly strangers: readonly OnnxNode[]
}

/**
 * Finds attention by its data flow, softmax(queries x keys, masked) x values, where both factors of each product depend
 * on the text. The nodes between them differ by export: scales, soft-caps, casts, guards against NaN.
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
    // The Softmax of a mixture-of-experts router follows a product with weights.
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

/** The nodes between a Softmax and the products before it, nearest first. */
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

/** A constant is a bias or an epsilon, not a mask. */
function isConstant(name: string, { initializers }: Graph, producers: ReadonlyMap<string, OnnxNode>): boolean {
  return producers.get(name)?.opType === 'Constant' || initializers.some((each) => each.name === name)
}

/**
 * How many heads of a layer write their S x S scores to memory: `heads`, as config.json states them, when the graph has
 * a Softmax; 0 when only fused operators compute attention.
 */
export function attentionHeads(graph: Graph, heads: number): number {
  return tokenMixingOf(graph).softmaxes.length > 0 ? heads : 0
}

/** Operators that read the shape of a tensor, not its values. */
const SIZE_READERS = new Set(['Shape', 'Size'])

/**
 * The tensors whose values depend on the embedded tokens or on a past: hidden states, queries, keys, scores. Masks,
 * positions and shapes depend only on lengths, so they are excluded. One pass is enough, because ONNX nodes are in
 * topological order.
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
