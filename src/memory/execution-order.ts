import type { OnnxNode } from '../model/onnx/graph.ts'

/**
 * The order in which onnxruntime runs the nodes of a graph: depth first from the nodes that nobody reads, the last one
 * first, and into the inputs of each from its latest node to its earliest (GraphViewer and Graph::ReverseDFSFrom in
 * core/graph). A node that a fusion makes counts as later than all others. The order decides which buffers are alive together. Recursion would be as deep as the model.
 */
export function executionOrder(nodes: readonly OnnxNode[], isFused: (node: OnnxNode) => boolean): readonly OnnxNode[] {
  const rank = nodes.map((node, i) => (isFused(node) ? nodes.length + i : i))
  const producers = new Map(nodes.flatMap((node, i) => node.outputs.filter((name) => name !== '').map((name) => [name, i] as const)))
  const inputsOf = nodes.map((node) => {
    const from = [...node.inputs, ...node.captures].flatMap((name) => producers.get(name) ?? [])
    return [...new Set(from)].sort((a, b) => (rank[a] ?? 0) - (rank[b] ?? 0))
  })
  const isRead = new Set(inputsOf.flat())
  const open = nodes.flatMap((_, i) => (isRead.has(i) ? [] : [{ at: i, isLeft: false }]))
  const seen = new Set<number>()
  const order: OnnxNode[] = []
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const node = nodes[entry.at]
    if (node === undefined) continue
    if (entry.isLeft) order.push(node)
    if (entry.isLeft || seen.has(entry.at)) continue
    seen.add(entry.at)
    open.push({ at: entry.at, isLeft: true })
    for (const at of inputsOf[entry.at] ?? []) if (!seen.has(at)) open.push({ at, isLeft: false })
  }
  return order
}
