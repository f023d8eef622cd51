import { buildInt64, buildNode } from '../../../src/model/onnx/build-node.ts'
import { BOOL, INT64 } from '../../../src/model/onnx/data-types.ts'
import type { Graph, OnnxNode } from '../../../src/model/onnx/graph.ts'
import { interpose } from './edit-graph.ts'

const WINDOW = 16

/**
 * Every token attends to later tokens too, but not to padding: the comparison of positions is or-ed with its negation.
 */
export function attentionNotCausal(graph: Graph): Graph {
  return interpose(graph, causalComparison(graph).outputs[0] ?? '', (before, after) => ({
    nodes: [buildNode('Not', [before], ['fault.later']), buildNode('Or', [before, 'fault.later'], [after])]
  }))
}

/** Every token attends only to itself and the 15 tokens before it, as with sliding-window attention. */
export function attentionWindowed(graph: Graph): Graph {
  const { inputs, outputs } = causalComparison(graph)
  const [key = '', query = ''] = inputs
  return interpose(graph, outputs[0] ?? '', (before, after) => ({
    nodes: [
      buildNode('Sub', [query, key], ['fault.distance']),
      buildNode('Less', ['fault.distance', 'fault.window'], ['fault.near']),
      buildNode('And', [before, 'fault.near'], [after])
    ],
    initializers: [buildInt64('fault.window', [], [WINDOW])]
  }))
}

/** Replaces the attention mask by ones. Harmless with padding on the right, to which causal attention never attends. */
export function attentionMaskIgnored(graph: Graph): Graph {
  return interpose(graph, 'attention_mask', (before, after) => ({
    nodes: [buildNode('Cast', [before], ['fault.mask_bool'], { attributes: { to: BOOL } }), ...allTrue('fault.mask_bool', after)]
  }))
}

/** The node `key position <= query position`, from which the exporters of transformers compute the causal mask. */
function causalComparison(graph: Graph): OnnxNode {
  const comparisons = graph.nodes.filter(({ opType }) => opType === 'LessOrEqual')
  if (comparisons.length !== 1) throw new Error(`expected one LessOrEqual that computes the causal mask, found ${comparisons.length}`)
  return comparisons[0]!
}

/** An int64 tensor of ones with the shape of a bool tensor. */
function allTrue(flags: string, output: string): OnnxNode[] {
  return [
    buildNode('Not', [flags], ['fault.mask_not']),
    buildNode('Or', [flags, 'fault.mask_not'], ['fault.mask_all']),
    buildNode('Cast', ['fault.mask_all'], [output], { attributes: { to: INT64 } })
  ]
}
