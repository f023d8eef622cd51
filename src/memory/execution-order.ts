import type { OnnxNode } from '../model/onnx/graph.ts'
import { attributesOf } from './shapes/node-info.ts'

/** Products that onnxruntime fuses with the transposition of a factor (MatmulTransposeFusion, FusedMatMul), and those transpositions. */
export interface FusedProducts {
  readonly products: ReadonlySet<OnnxNode>
  readonly transpositions: ReadonlySet<OnnxNode>
}

/** The scores of unfused attention, query x transposed keys, are such a product. A scale between the two is fused as well. */
export function fusedProducts(nodes: readonly OnnxNode[], reads: ReadonlyMap<string, number>): FusedProducts {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const throughScale = (name: string): OnnxNode | undefined => {
    const node = producers.get(name)
    return node?.opType === 'Mul' || node?.opType === 'Div' ? throughScale(node.inputs[0] ?? '') : node
  }
  const products = new Set<OnnxNode>()
  const transpositions = new Set<OnnxNode>()
  for (const node of nodes) {
    if (node.opType !== 'MatMul') continue
    for (const factor of node.inputs.map(throughScale)) {
      if (factor?.opType !== 'Transpose' || !swapsLastAxes(factor)) continue
      products.add(node)
      if (factor.outputs.every((name) => reads.get(name) === 1)) transpositions.add(factor)
    }
  }
  return { products, transpositions }
}

function swapsLastAxes(node: OnnxNode): boolean {
  const order = attributesOf(node).integers('perm')
  return order !== null && order.length > 1 && order.at(-1) === order.length - 2 && order.at(-2) === order.length - 1
}

/**
 * The order in which onnxruntime runs the nodes of a graph, which decides which buffers are alive together. It is depth
 * first from the nodes that nobody reads, the last one first, and into the inputs of each from its latest node to its
 * earliest (GraphViewer and Graph::ReverseDFSFrom in core/graph). A node that a fusion makes counts as later than all
 * others. The search keeps a stack of its own: recursion would be as deep as the model.
 */
export function executionOrder(nodes: readonly OnnxNode[], isFused: (node: OnnxNode) => boolean): readonly OnnxNode[] {
  const rank = nodes.map((node, i) => (isFused(node) ? nodes.length + i : i))
  const producers = new Map(nodes.flatMap((node, i) => node.outputs.filter((name) => name !== '').map((name) => [name, i] as const)))
  const inputsOf = nodes.map((node) => {
    const from = [...node.inputs, ...node.captures].flatMap((name) => producers.get(name) ?? [])
    return [...new Set(from)].sort((a, b) => rank[a]! - rank[b]!)
  })
  const isRead = new Set(inputsOf.flat())
  const open = nodes.flatMap((_, i) => (isRead.has(i) ? [] : [{ at: i, isLeft: false }]))
  const seen = new Set<number>()
  const order: OnnxNode[] = []
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const node = nodes[entry.at]!
    if (entry.isLeft) order.push(node)
    if (entry.isLeft || seen.has(entry.at)) continue
    seen.add(entry.at)
    open.push({ at: entry.at, isLeft: true })
    for (const at of inputsOf[entry.at]!) if (!seen.has(at)) open.push({ at, isLeft: false })
  }
  return order
}
