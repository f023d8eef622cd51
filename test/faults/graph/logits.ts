import { buildFloat, buildInt64, buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT16 } from '../../../src/model/onnx/data-types.ts'
import { findHead } from '../../../src/model/onnx/find-head.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { interpose } from './edit-graph.ts'
import { rounded } from './hidden-rows.ts'

const TEMPERATURE = 1.3

/** Adds a constant to the logit of one token at every position: -Infinity or -1e9 forbid the token, 0.5 favours it. */
export function logitOfOneTokenRaised(id: number, addend: number): (graph: Graph) => Graph {
  return (graph) =>
    interpose(graph, 'logits', (before, after) => {
      const bias = new Array<number>(vocabularyOf(graph)).fill(0)
      bias[id] = addend
      return { nodes: [buildNode('Add', [before, 'fault.bias'], [after])], initializers: [buildFloat('fault.bias', [bias.length], bias)] }
    })
}

/** Rounds the logits to float16 in a model that claims float32. */
export function logitsRoundedToFloat16(graph: Graph): Graph {
  return interpose(graph, 'logits', (before, after) => rounded(before, after, FLOAT16))
}

/** Divides the logits by a sampling temperature of 1.3. */
export function logitsDividedByTemperature(graph: Graph): Graph {
  return interpose(graph, 'logits', (before, after) => ({
    nodes: [buildNode('Div', [before, 'fault.temperature'], [after])],
    initializers: [buildFloat('fault.temperature', [], [TEMPERATURE])]
  }))
}

/** Shifts the columns of the head by one: token v gets the logit of token v - 1, as with the wrong tokenizer. */
export function vocabularyRolled(graph: Graph): Graph {
  const [product] = findHead(graph).nodes
  if (product?.opType !== 'MatMul') throw new Error(`expected a head of MatMul, found ${product?.opType}`)
  const V = vocabularyOf(graph)
  const columns = Array.from({ length: V }, (_, v) => (v + V - 1) % V)
  return interpose(graph, product.inputs[1] ?? '', (before, after) => ({
    nodes: [buildNode('Gather', [before, 'fault.columns'], [after], { attributes: { axis: 1 } })],
    initializers: [buildInt64('fault.columns', [V], columns)]
  }))
}

function vocabularyOf(graph: Graph): number {
  const size = graph.outputs.find(({ name }) => name === 'logits')?.shape?.at(-1)
  if (typeof size !== 'number') throw new Error('the graph does not declare the number of logits')
  return size
}
