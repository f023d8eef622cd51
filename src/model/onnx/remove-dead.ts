import type { Graph, OnnxNode } from './graph.ts'

/** Keeps only what the outputs need. onnxruntime runs dead nodes and wants a feed for every declared input. */
export function removeDead(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name))
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)))
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
