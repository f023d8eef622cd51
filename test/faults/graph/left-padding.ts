import { buildInt64, buildNode } from '../../../src/model/onnx/build-node.ts'
import { findHead } from '../../../src/model/onnx/find-head.ts'
import type { Graph, OnnxNode } from '../../../src/model/onnx/graph.ts'
import { attentionMaskIgnored } from './attention.ts'
import { interpose } from './edit-graph.ts'

/**
 * Moves the padding of every row from the right to the left before the model, and the hidden states back afterwards, so
 * that the scores are at the expected places. Mask and positions move too, so no score changes.
 */
export function paddedLeft(graph: Graph): Graph {
  const inputs = ['input_ids', 'attention_mask', 'position_ids'].filter((wanted) => graph.inputs.some(({ name }) => name === wanted))
  const moved = inputs.reduce((current, input) => interpose(current, input, (before, after) => moveRows(before, after)), graph)
  const padding = paddingNodes()
  const withIndices = { ...moved, nodes: [...padding.nodes, ...moved.nodes], initializers: [...moved.initializers, ...padding.initializers] }
  return interpose(withIndices, findHead(withIndices).hidden, (before, after) => ({
    nodes: [
      buildNode('Unsqueeze', ['fault.to_right', 'fault.last'], ['fault.to_right_column']), // (B, S, 1)
      buildNode('GatherND', [before, 'fault.to_right_column'], [after], { attributes: { batch_dims: 1 } })
    ]
  }))
}

/** The same with a mask of ones: texts shorter than the longest of their batch attend to the padding before them. */
export function paddedLeftMaskIgnored(graph: Graph): Graph {
  return paddedLeft(attentionMaskIgnored(graph))
}

/**
 * Column indices, both (B, S). With n tokens in a row of S columns, column s of the left-padded row is column
 * (s - (S - n)) mod S of the right-padded row; the way back is (s + S - n) mod S.
 */
function paddingNodes(): { nodes: OnnxNode[]; initializers: Graph['initializers'] } {
  return {
    nodes: [
      buildNode('ReduceSum', ['attention_mask', 'fault.last'], ['fault.tokens'], { attributes: { keepdims: 1 } }), // (B, 1)
      buildNode('Shape', ['attention_mask'], ['fault.shape']),
      buildNode('Gather', ['fault.shape', 'fault.last_scalar'], ['fault.columns'], { attributes: { axis: 0 } }), // S
      buildNode('Range', ['fault.zero', 'fault.columns', 'fault.one'], ['fault.range']),
      buildNode('Sub', ['fault.columns', 'fault.tokens'], ['fault.padding']),
      buildNode('Sub', ['fault.range', 'fault.padding'], ['fault.left_shifted']),
      buildNode('Mod', ['fault.left_shifted', 'fault.columns'], ['fault.to_left']),
      buildNode('Add', ['fault.range', 'fault.padding'], ['fault.right_shifted']),
      buildNode('Mod', ['fault.right_shifted', 'fault.columns'], ['fault.to_right'])
    ],
    initializers: [
      buildInt64('fault.last', [1], [-1]),
      buildInt64('fault.last_scalar', [], [-1]),
      buildInt64('fault.zero', [], [0]),
      buildInt64('fault.one', [], [1])
    ]
  }
}

function moveRows(before: string, after: string): { nodes: OnnxNode[] } {
  return { nodes: [buildNode('GatherElements', [before, 'fault.to_left'], [after], { attributes: { axis: 1 } })] }
}
