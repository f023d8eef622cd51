import { type Graph, type OnnxNode, producersOf } from './graph.ts'

/** Keeps what the outputs depend on: onnxruntime runs dead nodes and requires a feed for every declared input. */
export function removeDead(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name))
  const producers = producersOf(graph)
  const live = new Set<OnnxNode>()
  const open = [...needed]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name)
    if (node === undefined || live.has(node)) continue
    live.add(node)
    for (const input of [...node.inputs, ...node.captures]) {
      if (needed.has(input)) continue
      needed.add(input)
      open.push(input)
    }
  }

  return {
    ...graph,
    nodes: graph.nodes.filter((node) => live.has(node)),
    initializers: graph.initializers.filter(({ name }) => needed.has(name)),
    inputs: graph.inputs.filter(({ name }) => needed.has(name))
  }
}
