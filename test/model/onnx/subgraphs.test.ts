import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { BOOL, FLOAT, INT64 } from '../../../src/model/onnx/data-types.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { ownInputs, scoringGraph } from '../../../src/model/onnx/scoring-graph.ts'
import { hoistBranch } from '../../../src/model/onnx/subgraphs.ts'
import { writeGraph, writeOnnx } from '../../../src/model/onnx/write.ts'
import { graphOf, info, productOf, tinyModel } from '../../support/onnx-model.ts'
import { referenceScores } from '../../support/reference-scores.ts'
import { int64, openScoring } from '../../support/scoring-session.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const V = 11
const H = 4
const TINY = tinyModel(V, H)

/** The tiny model with both of its weights inside the branch without past, and an invalid other branch. */
function mergedModel(elseName = 'else_branch'): Graph {
  const { nodes, initializers } = TINY.graph
  const outputs = [info('logits'), info('present.0.key')]
  const cache = buildNode('Identity', ['hidden'], ['present.0.key'])
  const noPast = writeGraph('no_past', { nodes: [...nodes, cache], initializers, inputs: [], outputs })
  const withPast = writeGraph('with_past', {
    nodes: [buildNode('Concat', ['past_key_values.0.key', 'past_key_values.0.key'], ['present.0.key'], { attributes: { axis: 1 } }), ...nodes],
    initializers,
    inputs: [],
    outputs
  })
  return graphOf({
    nodes: [buildNode('If', ['use_cache_branch'], ['logits', 'present.0.key'], { attributes: { then_branch: withPast, [elseName]: noPast } })],
    inputs: [
      info('input_ids', INT64, ['batch', 'sequence']),
      info('past_key_values.0.key', FLOAT, ['batch', 2, 'past', 2]),
      info('use_cache_branch', BOOL, [1])
    ],
    outputs: [info('logits', FLOAT, ['batch', 'sequence', V]), info('present.0.key', FLOAT, ['batch', 'sequence', H])]
  })
}

function write(t: TestContext, graph: Graph): string {
  return join(tempFolder(t, { 'model.onnx': writeOnnx(graph) }), 'model.onnx')
}

describe('a merged decoder', () => {
  it('is read as its branch without past', (t) => {
    const graph = readOnnx(write(t, mergedModel()))
    assert.deepEqual(
      graph.nodes.map(({ opType }) => opType),
      ['Gather', 'MatMul', 'Identity']
    )
    assert.equal(graph.isMerged, true)
  })

  it('needs neither the past nor the flag', (t) => {
    assert.deepEqual(
      ownInputs(scoringGraph(readOnnx(write(t, mergedModel())))).map(({ name }) => name),
      ['input_ids']
    )
  })

  it('does not copy the weights of the branch', (t) => {
    const path = write(t, mergedModel())
    assert.deepEqual(
      readOnnx(path).initializers.map(({ name, location }) => [name, location]),
      [
        ['embedding', null],
        ['head', null]
      ]
    )
    const large = { ...mergedModel(), nodes: [largeIf()] }
    assert.deepEqual(
      readOnnx(write(t, large)).initializers.map(({ name, location }) => [name, location]),
      [['large', 'model.onnx']]
    )
  })

  it('scores like the branch alone', async (t) => {
    const ids = [3, 7, 1]
    const ask = await openScoring(write(t, mergedModel()))
    const { logProb } = await ask({ feeds: { input_ids: int64(ids, [1, 3]) }, rows: [[0, 1]], targets: [[7, 1]], topCount: null })
    logProb.forEach((found, row) => assert.ok(Math.abs(found - referenceScores(productOf(TINY, ids[row]!), ids[row + 1]!).logProb) < 1e-5))
  })

  it('is refused when it has no branch without past', (t) => {
    assert.throws(() => readOnnx(write(t, mergedModel('other_branch'))), { code: 'model_invalid', message: /no else_branch/ })
  })
})

describe('an If of another condition', () => {
  it('stays as it is', (t) => {
    const [node] = mergedModel().nodes
    const graph = graphOf({ ...mergedModel(), nodes: [{ ...node!, inputs: ['flag'], encoded: null }], inputs: [info('flag', BOOL, [1])] })
    assert.deepEqual(
      readOnnx(write(t, graph)).nodes.map(({ opType }) => opType),
      ['If']
    )
  })
})

function largeIf() {
  const branch = writeGraph('b', {
    nodes: [buildNode('Identity', ['large'], ['logits'])],
    initializers: [buildFloat('large', [100], new Array(100).fill(1))],
    inputs: [],
    outputs: [info('logits')]
  })
  return buildNode('If', ['use_cache_branch'], ['logits'], { attributes: { then_branch: branch, else_branch: branch } })
}

describe('hoistBranch', () => {
  const outer = graphOf({ inputs: [info('x')], initializers: [buildFloat('w', [1], [1])], outputs: [info('logits')] })

  it("copies a result whose name differs from the If's", () => {
    const { nodes } = hoistBranch(outer, ['logits'], { nodes: [buildNode('Add', ['x', 'w'], ['sum'])], initializers: [], outputs: [info('sum')] })
    assert.deepEqual(
      nodes.map(({ opType, inputs, outputs }) => [opType, inputs, outputs]),
      [
        ['Add', ['x', 'w'], ['sum']],
        ['Identity', ['sum'], ['logits']]
      ]
    )
  })

  for (const [what, branch] of [
    ['a weight', { nodes: [], initializers: [buildFloat('w', [1], [2])], outputs: [info('w')] }],
    ['an input', { nodes: [buildNode('Neg', ['w'], ['x'])], initializers: [], outputs: [info('x')] }]
  ] as const) {
    it(`refuses a branch that defines ${what} of the graph around it again`, () => {
      assert.throws(() => hoistBranch(outer, ['logits'], branch), { code: 'model_unsupported', message: /both define [wx]:/ })
    })
  }
})
