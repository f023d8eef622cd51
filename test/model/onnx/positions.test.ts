import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { INT64 } from '../../../src/model/onnx/data-types.ts'
import type { Graph, OnnxNode } from '../../../src/model/onnx/graph.ts'
import { rescalesPositions, withGivenPositions } from '../../../src/model/onnx/positions.ts'
import { graphOf, info } from '../../support/onnx-model.ts'
import { present } from '../../support/present.ts'

const RANGE = [buildNode('Range', ['from', 'to', 'one'], ['places']), buildNode('Unsqueeze', ['places', 'zero'], ['positions'])]
const ROTARY = [
  buildNode('Unsqueeze', ['positions', 'one'], ['column']),
  buildNode('Cast', ['column'], ['floats']),
  buildNode('MatMul', ['frequencies', 'floats'], ['angles']),
  buildNode('Transpose', ['angles'], ['turned'])
]
const ANGLES = [buildNode('Cos', ['turned'], ['cosines']), buildNode('Sin', ['turned'], ['sines'])]

function graphWith(nodes: readonly OnnxNode[]): Graph {
  return graphOf({ nodes, inputs: [info('input_ids', INT64)], initializers: [buildFloat('table', [2, 1], [1, 2])] })
}

function inputsOf(graph: Graph | undefined, output: string): readonly string[] {
  return present(graph?.nodes.find(({ outputs }) => outputs[0] === output)?.inputs)
}

describe('withGivenPositions', () => {
  it('replaces counted positions in rotary angles, but not in the mask', () => {
    const mask = buildNode('LessOrEqual', ['positions', 'places'], ['mask'])
    const given = withGivenPositions(graphWith([...RANGE, ...ROTARY, ...ANGLES, mask]))
    assert.deepEqual(inputsOf(given?.graph, 'column'), ['position_ids', 'one'])
    assert.deepEqual(inputsOf(given?.graph, 'mask'), ['positions', 'places'])
    assert.deepEqual(given?.counted, ['positions'])
    assert.ok(given?.graph.inputs.some(({ name }) => name === 'position_ids'))
  })

  it('replaces them in a table of learned positions', () => {
    const nodes = [
      buildNode('CumSum', ['ones', 'one'], ['sum']),
      buildNode('Sub', ['sum', 'one'], ['positions']),
      buildNode('Gather', ['table', 'positions'], ['out'])
    ]
    assert.deepEqual(inputsOf(withGivenPositions(graphWith(nodes))?.graph, 'out'), ['table', 'position_ids'])
  })

  it('does not change a graph that takes positions', () => {
    const graph = graphOf({ inputs: [info('position_ids', INT64)] })
    assert.equal(withGivenPositions(graph)?.graph, graph)
  })

  it('is null when an angle has another source, and when no position is used', () => {
    assert.equal(withGivenPositions(graphWith([...RANGE, ...ROTARY, ...ANGLES, buildNode('Cos', ['elsewhere'], ['other'])])), null)
    assert.equal(withGivenPositions(graphWith(RANGE)), null)
  })

  it('is null when only some attentions rotate inside the operator', () => {
    const attention = (rotates: number, output: string): OnnxNode =>
      buildNode('GroupQueryAttention', ['query'], [output], { attributes: { do_rotary: rotates } })
    assert.equal(withGivenPositions(graphWith([attention(1, 'a'), attention(0, 'b')])), null)
    assert.notEqual(withGivenPositions(graphWith([attention(1, 'a'), attention(1, 'b')])), null)
  })
})

describe('rescalesPositions', () => {
  it('finds a maximum over positions, as in rotary embeddings that stretch', () => {
    const nodes = [buildNode('Cast', ['position_ids'], ['floats']), buildNode('ReduceMax', ['floats'], ['longest'])]
    assert.equal(rescalesPositions(graphOf({ nodes })), true)
  })

  it('ignores a maximum over values that positions index in a table', () => {
    const nodes = [buildNode('Gather', ['table', 'position_ids'], ['angles']), buildNode('ReduceMax', ['angles'], ['largest'])]
    assert.equal(rescalesPositions(graphOf({ nodes })), false)
  })
})
