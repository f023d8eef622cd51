import type { Graph } from '../../../src/model/onnx/graph.ts'
import { redirect } from './edit-graph.ts'

/** Layer `index`, from 1 on, is left out: what it would read goes to what reads it. Layers are told by the names that PyTorch's exporter gives. */
export function layerLeftOut(index: number): (graph: Graph) => Graph {
  return (graph) => redirect(graph, outputOfLayer(graph, index), outputOfLayer(graph, index - 1))
}

/** The last residual sum of a layer. */
function outputOfLayer(graph: Graph, index: number): string {
  const sums = graph.nodes.filter(({ opType, name }) => opType === 'Add' && new RegExp(`layers\\.${index}/Add(?:_\\d+)?$`).test(name))
  const output = sums.at(-1)?.outputs[0]
  if (output === undefined) throw new Error(`no residual sum of layer ${index} was found`)
  return output
}
