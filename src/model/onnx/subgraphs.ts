import { ServiceError } from '../../errors.ts'
import { buildNode } from './build-node.ts'
import type { Graph } from './graph.ts'
import { type ByteSource, fieldsOf, sourceOfBytes, textOf } from './wire.ts'

/** What a graph computes with and gives, without what it takes. */
export type Branch = Pick<Graph, 'nodes' | 'initializers' | 'outputs'>

/**
 * Puts the nodes of an If's branch in the place of the If, which `outer` lists no more. Optimum merges a decoder without past and
 * one with past that way (`decoder_model_merged.onnx`); the one without past is the whole model for a text scored at once.
 * `results` are the outputs of the If, in the order of the branch's. Throws `model_unsupported` when the branch makes a name that
 * the outer graph has too, which ONNX does not allow.
 */
export function hoistBranch(outer: Graph, results: readonly string[], branch: Branch): Graph {
  // A branch may return a weight, a tensor of the outer graph, or a tensor of another name than the If's output.
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

/** The names of what the graph in an encoded attribute gives; none for an attribute of another kind. AttributeProto { g 6 }, GraphProto { output 12 }. */
export function subgraphOutputs(attribute: Uint8Array): string[] {
  const source = sourceOfBytes(attribute)
  return [...children(source, 0, source.sizeBytes, 6)]
    .flatMap((graph) => [...children(source, graph.start, graph.end, 12)])
    .flatMap((info) => [...children(source, info.start, info.end, 1)].map((name) => textOf(source, name)))
}

function* children(source: ByteSource, start: number, end: number, number: number) {
  for (const field of fieldsOf(source, start, end)) if (field.number === number) yield field
}
