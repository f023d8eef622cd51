import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildNode } from '../../../src/model/onnx/build-node.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { SCORING_INPUTS, SCORING_OUTPUTS, scoringGraph } from '../../../src/model/onnx/scoring-graph.ts'
import { comparable, info, tinyModel } from '../../support/onnx-model.ts'

/** The tiny model with a key cache as a second output, fed by its own input. */
function modelWithCache(opset = 17): Graph {
  const { graph } = tinyModel(11, 4)
  return {
    ...graph,
    opsets: new Map([['', opset]]),
    nodes: [...graph.nodes, buildNode('Concat', ['past_key_values.0.key', 'hidden'], ['present.0.key'], { attributes: { axis: 1 } })],
    inputs: [...graph.inputs, info('past_key_values.0.key')],
    outputs: [...graph.outputs, info('present.0.key')]
  }
}

describe('scoringGraph', () => {
  for (const opset of [0, 10]) {
    it(`refuses operator set ${opset}`, () => {
      assert.throws(() => scoringGraph(modelWithCache(opset)), { code: 'model_unsupported', message: new RegExp(`operator set ${opset}; 11 or newer`) })
    })
  }

  it('accepts operator set 11', () => assert.equal(scoringGraph(modelWithCache(11)).opsets.get(''), 11))

  it('does not change its argument', () => {
    const model = modelWithCache()
    const before = comparable(model)
    scoringGraph(model)
    assert.deepEqual(comparable(model), before)
  })

  it('gives the same graph for the same model', () => {
    assert.deepEqual(comparable(scoringGraph(modelWithCache())), comparable(scoringGraph(modelWithCache())))
  })

  it('has only the scores of each row as outputs', () => {
    assert.deepEqual(
      scoringGraph(modelWithCache()).outputs.map(({ name }) => name),
      Object.values(SCORING_OUTPUTS)
    )
  })

  it('has the inputs that the logits depend on, and its own', () => {
    assert.deepEqual(
      scoringGraph(modelWithCache()).inputs.map(({ name }) => name),
      ['input_ids', ...Object.values(SCORING_INPUTS)]
    )
  })

  it('moves the head into the Scan and drops the nodes that only the cache needs', () => {
    const graph = scoringGraph(modelWithCache())
    assert.deepEqual(
      graph.nodes.map(({ opType }) => opType),
      ['Gather', 'Flatten', 'Scan']
    )
    assert.deepEqual(
      graph.initializers.map(({ name }) => name),
      ['embedding', 'head']
    )
    assert.ok(graph.nodes.at(-1)!.captures.includes('head'))
  })
})
