import type { Graph } from '../../../src/model/onnx/graph.ts'
import { redirect } from './edit-graph.ts'

/**
 * Removes layer `index` (from 1 on): its readers read its input instead. Layers are recognized by the names that
 * PyTorch's exporter gives.
 */
export function layerLeftOut(index: number): (graph: Graph) => Graph {
  return (graph) => redirect(graph, outputOfLayer(graph, index), outputOfLayer(graph, index - 1))
}

/** The output of a layer, its last residual sum. */
function outputOfLayer(graph: Graph, index: number): string {
  const sums = graph.nodes.filter(({ opType, name }) => opType === 'Add' && new RegExp(`layers\\.${index}/Add(?:_\\d+)?$`).test(name))
  const output = sums.at(-1)?.outputs[0]
  if (output === undefined) throw new Error(`found no residual sum of layer ${index}`)
  return output
}
