import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { buildFloat, buildInt64, buildNode, buildTensor } from '../../../src/model/onnx/build-node.ts'
import { FLOAT, INT8, INT64 } from '../../../src/model/onnx/data-types.ts'
import type { Graph, OnnxNode } from '../../../src/model/onnx/graph.ts'
import { writeOnnx } from '../../../src/model/onnx/write.ts'
import { graphOf, info } from '../../support/onnx-model.ts'
import { referenceScores } from '../../support/reference-scores.ts'
import { int64, openScoring } from '../../support/scoring-session.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const V = 12
const H = 4
/** (V, H) row-major: the embedding, and the head when it is tied. */
const TABLE = Array.from({ length: V * H }, (_, i) => Math.fround(Math.sin(i * i + 1)))
/** Small integers as floats, so that 8 bits hold them exactly. */
const ROUNDED = TABLE.map((value) => Math.round(value * 10))
const IDS = [5, 0, 11, 3, 7, 2]

const embed = buildNode('Gather', ['table', 'input_ids'], ['embedded'], { attributes: { axis: 0 } })
const transpose = (from: string): OnnxNode => buildNode('Transpose', [from], ['matrix'], { attributes: { perm: [1, 0] } })

interface Form {
  readonly nodes: readonly OnnxNode[]
  readonly weights?: Graph['initializers']
  readonly inputs?: Graph['inputs']
  readonly feeds?: Readonly<Record<string, ReturnType<typeof int64>>>
  /** Weights of the head; TABLE when absent. */
  readonly head?: readonly number[]
}

/** How exporters and quantizers write logits = embedding[ids] x headᵀ. */
const FORMS: Readonly<Record<string, Form>> = {
  'a tied embedding that is transposed': { nodes: [transpose('table'), buildNode('MatMul', ['embedded', 'matrix'], ['logits'])] },
  'a Gemm between two Reshapes': {
    nodes: [
      buildNode('Reshape', ['embedded', 'flat'], ['rows']),
      buildNode('Gemm', ['rows', 'table'], ['flat_logits'], { attributes: { transB: 1 } }),
      buildNode('Shape', ['input_ids'], ['shape']),
      buildNode('Concat', ['shape', 'width'], ['logits_shape'], { attributes: { axis: 0 } }),
      buildNode('Reshape', ['flat_logits', 'logits_shape'], ['logits'])
    ],
    weights: [buildInt64('flat', [2], [-1, H]), buildInt64('width', [1], [V])]
  },
  'a Gemm whose Reshape a cast follows': {
    nodes: [
      buildNode('Reshape', ['embedded', 'flat'], ['rows']),
      buildNode('Gemm', ['rows', 'table'], ['flat_logits'], { attributes: { transB: 1 } }),
      buildNode('Reshape', ['flat_logits', 'logits_shape'], ['shaped']),
      buildNode('Cast', ['shaped'], ['logits'], { attributes: { to: FLOAT } })
    ],
    weights: [buildInt64('flat', [2], [-1, H]), buildInt64('logits_shape', [3], [1, -1, V])]
  },
  'a Reshape in front of the product': {
    nodes: [buildNode('Reshape', ['embedded', 'same'], ['shaped']), transpose('table'), buildNode('MatMul', ['shaped', 'matrix'], ['logits'])],
    weights: [buildInt64('same', [3], [0, 0, -1])]
  },
  'rows that num_logits_to_keep cuts': {
    nodes: [
      buildNode('Neg', ['num_logits_to_keep'], ['negative']),
      buildNode('Unsqueeze', ['negative', 'zero'], ['begin']),
      buildNode('Slice', ['embedded', 'begin', 'end', 'one'], ['kept']),
      transpose('table'),
      buildNode('MatMul', ['kept', 'matrix'], ['logits'])
    ],
    weights: [buildInt64('zero', [1], [0]), buildInt64('one', [1], [1]), buildInt64('end', [1], [Number.MAX_SAFE_INTEGER])],
    inputs: [info('num_logits_to_keep', INT64, [])],
    feeds: { num_logits_to_keep: int64([0], []) }
  },
  'weights of 8 bits that are made floats and transposed': {
    nodes: [buildNode('DequantizeLinear', ['w8', 'scale'], ['floats']), transpose('floats'), buildNode('MatMul', ['embedded', 'matrix'], ['logits'])],
    weights: [buildTensor('w8', [V, H], INT8, new Uint8Array(Int8Array.from(ROUNDED).buffer)), buildFloat('scale', [], [0.1])],
    head: ROUNDED.map((value) => value * Math.fround(0.1))
  },
  'a mask of ids that are never given': {
    nodes: [transpose('table'), buildNode('MatMul', ['embedded', 'matrix'], ['product']), buildNode('Where', ['mask', 'floor', 'product'], ['logits'])],
    weights: [buildTensor('mask', [V], 9, new Uint8Array(V)), buildFloat('floor', [], [-1e4])]
  }
}

async function logProbsOf(t: TestContext, { nodes, weights = [], inputs = [], feeds = {} }: Form, opset = 17): Promise<number[]> {
  const graph = graphOf({
    opsets: new Map([['', opset]]),
    nodes: [embed, ...nodes],
    initializers: [buildFloat('table', [V, H], TABLE), ...weights],
    inputs: [info('input_ids', INT64, ['batch', 'sequence']), ...inputs],
    outputs: [info('logits', FLOAT, ['batch', 'sequence', V])]
  })
  const ask = await openScoring(join(tempFolder(t, { 'model.onnx': writeOnnx(graph) }), 'model.onnx'))
  const targets = IDS.toReversed()
  return (await ask({ feeds: { input_ids: int64(IDS, [2, 3]), ...feeds }, rows: [[0, 1, 2, 3, 4, 5]], targets: [targets], topCount: 3 })).logProb
}

/** Computed in float64. */
function expectedOf(head: readonly number[] = TABLE): number[] {
  return IDS.map((id, row) => {
    const logits = Array.from({ length: V }, (_, v) => TABLE.slice(id * H, id * H + H).reduce((sum, value, h) => sum + value * head[v * H + h]!, 0))
    return referenceScores(logits, IDS.toReversed()[row]!).logProb
  })
}

function assertClose(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length)
  actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-5, `row ${i}: ${value}, expected ${expected[i]}`))
}

describe('a scoring graph matches float64 reference scores of', () => {
  for (const [what, form] of Object.entries(FORMS)) it(what, async (t) => assertClose(await logProbsOf(t, form), expectedOf(form.head)))

  for (const opset of [11, 12, 13, 18]) {
    it(`a graph of operator set ${opset}`, async (t) => assertClose(await logProbsOf(t, FORMS['a tied embedding that is transposed']!, opset), expectedOf()))
  }
})
