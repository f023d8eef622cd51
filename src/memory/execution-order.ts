import type { OnnxNode } from '../model/onnx/graph.ts'
import { integerListOf } from './shapes/shape-rule.ts'

/**
 * MatMul nodes that onnxruntime fuses with the Transpose of a factor, and those Transpose nodes
 * (MatmulTransposeFusion).
 */
interface FusedProducts {
  readonly products: ReadonlySet<OnnxNode>
  readonly transpositions: ReadonlySet<OnnxNode>
}

/**
 * The main case is query x transposed keys in attention that is not itself fused. A scale between Transpose and MatMul
 * is fused as well. `reads` counts the readers of each tensor.
 */
export function fusedProducts(nodes: readonly OnnxNode[], reads: ReadonlyMap<string, number>): FusedProducts {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const unscaledProducer = (name: string): OnnxNode | undefined => {
    const node = producers.get(name)
    return node?.opType === 'Mul' || node?.opType === 'Div' ? unscaledProducer(node.inputs[0] ?? '') : node
  }
  const products = new Set<OnnxNode>()
  const transpositions = new Set<OnnxNode>()
  for (const node of nodes) {
    if (node.opType !== 'MatMul') continue
    for (const factor of node.inputs.map(unscaledProducer)) {
      if (factor?.opType !== 'Transpose' || !swapsLastAxes(factor)) continue
      products.add(node)
      if (factor.outputs.every((name) => reads.get(name) === 1)) transpositions.add(factor)
    }
  }
  return { products, transpositions }
}

function swapsLastAxes(node: OnnxNode): boolean {
  const order = integerListOf(node, 'perm')
  return order !== null && order.length > 1 && order.at(-1) === order.length - 2 && order.at(-2) === order.length - 1
}

/**
 * The order in which onnxruntime runs the nodes of a graph, which decides which buffers are live at the same time. It
 * is a depth-first search backwards from the nodes whose outputs no node reads, last node first, and at each node into
 * its producers, latest first (GraphViewer and Graph::ReverseDFSFrom in core/graph). A node created by a fusion counts
 * as later than all others. The stack is explicit because recursion would be as deep as the model.
 */
export function executionOrder(nodes: readonly OnnxNode[], isFused: (node: OnnxNode) => boolean): readonly OnnxNode[] {
  const rank = nodes.map((node, i) => (isFused(node) ? nodes.length + i : i))
  const producers = new Map(nodes.flatMap((node, i) => node.outputs.filter((name) => name !== '').map((name) => [name, i] as const)))
  const producersOf = nodes.map((node) => {
    const from = [...node.inputs, ...node.captures].flatMap((name) => producers.get(name) ?? [])
    return [...new Set(from)].sort((a, b) => rank[a]! - rank[b]!)
  })
  const isRead = new Set(producersOf.flat())
  const stack = nodes.flatMap((_, i) => (isRead.has(i) ? [] : [{ at: i, isFinished: false }]))
  const visited = new Set<number>()
  const order: OnnxNode[] = []
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const node = nodes[entry.at]!
    if (entry.isFinished) order.push(node)
    if (entry.isFinished || visited.has(entry.at)) continue
    visited.add(entry.at)
    stack.push({ at: entry.at, isFinished: true })
    for (const at of producersOf[entry.at]!) if (!visited.has(at)) stack.push({ at, isFinished: false })
  }
  return order
}
