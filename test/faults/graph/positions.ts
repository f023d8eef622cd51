import { buildInt64, buildNode } from '../../../src/model/onnx/build-node.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { interpose } from './edit-graph.ts'

/** Every token is at position 0, so the model knows the earlier tokens but not their order. */
export function positionsAllZero(graph: Graph): Graph {
  return calculated(graph, 'Mul', 0)
}

/** Position ids count in steps of two. */
export function positionsDoubled(graph: Graph): Graph {
  return calculated(graph, 'Mul', 2)
}

/** Position ids restart at 0 after every 32 tokens, as with a wrongly exported context length. */
export function positionsWrapped(graph: Graph): Graph {
  return calculated(graph, 'Mod', 32)
}

/**
 * Position ids continue from row to row of the batch: row b starts at b·S. Rotary positions are relative, so a model
 * without other positions gives the same scores up to rounding.
 */
export function positionsRunningOn(graph: Graph): Graph {
  return interpose(graph, 'position_ids', (before, after) => ({
    nodes: [
      buildNode('Size', [before], ['fault.size']),
      buildNode('Range', ['fault.zero', 'fault.size', 'fault.one'], ['fault.range']),
      buildNode('Shape', [before], ['fault.shape']),
      buildNode('Reshape', ['fault.range', 'fault.shape'], [after])
    ],
    initializers: [buildInt64('fault.zero', [], [0]), buildInt64('fault.one', [], [1])]
  }))
}

function calculated(graph: Graph, opType: 'Mul' | 'Mod', operand: number): Graph {
  return interpose(graph, 'position_ids', (before, after) => ({
    nodes: [buildNode(opType, [before, 'fault.operand'], [after])],
    initializers: [buildInt64('fault.operand', [], [operand])]
  }))
}
