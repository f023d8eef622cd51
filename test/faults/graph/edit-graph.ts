import type { Graph, Initializer, OnnxNode } from '../../../src/model/onnx/graph.ts'

/** Nodes to insert between a tensor and its readers. */
export interface Insertion {
  readonly nodes: readonly OnnxNode[]
  readonly initializers?: readonly Initializer[]
}

/**
 * Inserts nodes between a tensor and all of its readers. `insertion` receives the name of the original tensor and the
 * name that the readers see. The tensor is a graph input or the output of a node; a graph output keeps its name.
 */
export function interpose(graph: Graph, tensor: string, insertion: (before: string, after: string) => Insertion): Graph {
  const initializersOf = (added: Insertion): readonly Initializer[] => [...graph.initializers, ...(added.initializers ?? [])]
  if (graph.inputs.some(({ name }) => name === tensor)) {
    const after = freshName(graph, `${tensor}/altered`)
    const added = insertion(tensor, after)
    return { ...graph, nodes: [...added.nodes, ...graph.nodes.map((node) => renamedInput(node, tensor, after))], initializers: initializersOf(added) }
  }
  const before = freshName(graph, `${tensor}/before`)
  const at = graph.nodes.findIndex(({ outputs }) => outputs.includes(tensor))
  const producer = graph.nodes[at]
  if (producer === undefined) throw new Error(`no node computes the tensor ${tensor}`)
  const renamed = { ...producer, outputs: producer.outputs.map((output) => (output === tensor ? before : output)), encoded: null }
  const added = insertion(before, tensor)
  return { ...graph, nodes: [...graph.nodes.slice(0, at), renamed, ...added.nodes, ...graph.nodes.slice(at + 1)], initializers: initializersOf(added) }
}

/** Makes all readers of one tensor read another. */
export function redirect(graph: Graph, from: string, to: string): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => renamedInput(node, from, to)) }
}

function renamedInput(node: OnnxNode, from: string, to: string): OnnxNode {
  if (node.captures.includes(from)) throw new Error(`${node.name} reads ${from} inside a subgraph`)
  return node.inputs.includes(from) ? { ...node, inputs: node.inputs.map((input) => (input === from ? to : input)), encoded: null } : node
}

function freshName(graph: Graph, wanted: string): string {
  const taken = new Set(graph.nodes.flatMap(({ outputs }) => outputs))
  return taken.has(wanted) ? freshName(graph, `${wanted}'`) : wanted
}
