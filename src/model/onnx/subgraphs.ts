import { ServiceError } from '../../errors.ts'
import { buildNode } from './build-node.ts'
import type { Graph } from './graph.ts'
import { childrenOf, sourceOfBytes, textOf, wholeOf } from './wire.ts'

/** A subgraph without its inputs: it reads those from the graph around it. */
export type Branch = Pick<Graph, 'nodes' | 'initializers' | 'outputs'>

/**
 * Replaces an If, already removed from `outer`, by the nodes of one of its branches. Optimum merges a decoder without
 * past and one with past into one If (`decoder_model_merged.onnx`); the one without past is the whole model for a text
 * scored in one pass. `results` are the outputs of the If, in the order of the branch's. Throws `model_unsupported`
 * when the branch defines a name that the outer graph defines too, which ONNX forbids.
 */
export function hoistBranch(outer: Graph, results: readonly string[], branch: Branch): Graph {
  // A branch may return a weight, a tensor of the outer graph, or a tensor whose name differs from the If's output.
  const copies = branch.outputs.flatMap(({ name }, i) => (name === results[i] ? [] : [buildNode('Identity', [name], [results[i] ?? ''])]))
  const nodes = [...outer.nodes, ...branch.nodes, ...copies]
  const initializers = [...outer.initializers, ...branch.initializers]

  const seen = new Set<string>()
  const names = [...outer.inputs, ...initializers].map(({ name }) => name)
  for (const name of [...names, ...nodes.flatMap(({ outputs }) => outputs)].filter((each) => each !== '')) {
    if (seen.has(name))
      throw new ServiceError('model_unsupported', `the branch without past and the graph around it both define ${name}: export the model again, unmerged`)
    seen.add(name)
  }
  return { ...outer, nodes, initializers }
}

/**
 * Output names of the graph in an encoded attribute; none for an attribute of another kind.
 * AttributeProto { g 6 }, GraphProto { output 12 }, ValueInfoProto { name 1 }
 */
export function subgraphOutputs(attribute: Uint8Array): string[] {
  const source = sourceOfBytes(attribute)
  return [...childrenOf(source, wholeOf(source), 6)]
    .flatMap((graph) => [...childrenOf(source, graph, 12)])
    .flatMap((info) => [...childrenOf(source, info, 1)].map((name) => textOf(source, name)))
}
