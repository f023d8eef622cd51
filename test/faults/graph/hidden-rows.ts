import { buildFloat, buildInt64, buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT, FLOAT16 } from '../../../src/model/onnx/data-types.ts'
import { findHead } from '../../../src/model/onnx/find-head.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { type Insertion, interpose } from './edit-graph.ts'

/** TensorProto.DataType */
const BFLOAT16 = 16
const NAN_POSITION = 7

/** Rounds the hidden states to float16 before the head in a model that claims float32. */
export function hiddenRoundedToFloat16(graph: Graph): Graph {
  return beforeHead(graph, (before, after) => rounded(before, after, FLOAT16))
}

/** Rounds the hidden states to bfloat16 before the head in a model that claims float32. */
export function hiddenRoundedToBfloat16(graph: Graph): Graph {
  return beforeHead(graph, (before, after) => rounded(before, after, BFLOAT16))
}

/** Casts to a shorter float type and back. */
export function rounded(before: string, after: string, dataType: number): Insertion {
  return {
    nodes: [
      buildNode('Cast', [before], [`${after}/rounded`], { attributes: { to: dataType } }),
      buildNode('Cast', [`${after}/rounded`], [after], { attributes: { to: FLOAT } })
    ]
  }
}

/**
 * The hidden state at position 7 is NaN, as after an overflow, so the token that it predicts has no log-probability.
 */
export function hiddenNotANumberAtOnePosition(graph: Graph): Graph {
  return beforeHead(graph, (before, after) => ({
    nodes: [
      buildNode('Equal', ['position_ids', 'fault.position'], ['fault.is_position']),
      buildNode('Unsqueeze', ['fault.is_position', 'fault.last'], ['fault.is_position_column']), // (B, S, 1)
      buildNode('Where', ['fault.is_position_column', 'fault.nan', before], [after])
    ],
    initializers: [buildInt64('fault.position', [], [NAN_POSITION]), buildInt64('fault.last', [1], [-1]), buildFloat('fault.nan', [], [Number.NaN])]
  }))
}

/** Rows are one position late: a token is scored with the prediction made one token earlier. */
export function rowsOneLate(graph: Graph): Graph {
  return beforeHead(graph, (before, after) => ({
    nodes: [
      buildNode('Slice', [before, 'fault.0', 'fault.1', 'fault.1'], ['fault.first']),
      buildNode('Slice', [before, 'fault.0', 'fault.-1', 'fault.1'], ['fault.all_but_last']),
      buildNode('Concat', ['fault.first', 'fault.all_but_last'], [after], { attributes: { axis: 1 } })
    ],
    initializers: sliceOperands([0, 1, -1])
  }))
}

/** Rows are one position early: a token is scored with the prediction made after that token was read. */
export function rowsOneEarly(graph: Graph): Graph {
  return beforeHead(graph, (before, after) => ({
    nodes: [
      buildNode('Slice', [before, 'fault.1', `fault.${END}`, 'fault.1'], ['fault.all_but_first']),
      buildNode('Slice', [before, 'fault.-1', `fault.${END}`, 'fault.1'], ['fault.final']),
      buildNode('Concat', ['fault.all_but_first', 'fault.final'], [after], { attributes: { axis: 1 } })
    ],
    initializers: sliceOperands([1, -1, END])
  }))
}

/** The texts of a batch get each other's hidden states in reverse order; a single text gets its own. */
export function batchRowsSwapped(graph: Graph): Graph {
  return beforeHead(graph, (before, after) => ({
    nodes: [buildNode('Slice', [before, 'fault.-1', `fault.${-END}`, 'fault.0', 'fault.-1'], [after])],
    initializers: sliceOperands([-1, -END, 0])
  }))
}

/** An unlimited end for Slice. */
const END = 2 ** 31

function sliceOperands(values: readonly number[]): Graph['initializers'] {
  return values.map((value) => buildInt64(`fault.${value}`, [1], [value]))
}

function beforeHead(graph: Graph, insertion: (before: string, after: string) => Insertion): Graph {
  return interpose(graph, findHead(graph).hidden, insertion)
}
