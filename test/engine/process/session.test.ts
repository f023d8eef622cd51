import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { EMBEDDED_MODEL, specOf } from '../../../bench/support/models.ts'
import { rowChecksums } from '../../../src/engine/checksum.ts'
import { type LoadedModel, loadModel } from '../../../src/engine/process/session.ts'
import { buildInt64, buildNode, buildTensor } from '../../../src/model/onnx/build-node.ts'
import { BFLOAT16, FLOAT, FLOAT16 } from '../../../src/model/onnx/data-types.ts'
import type { Graph, OnnxNode, TensorInfo } from '../../../src/model/onnx/graph.ts'
import { writeOnnx } from '../../../src/model/onnx/write.ts'
import { info, productOf, tinyModel } from '../../support/onnx-model.ts'
import { referenceScores } from '../../support/reference-scores.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const V = 11
const HEADS = 2
const HEAD_SIZE = 2
const H = HEADS * HEAD_SIZE
const MODEL = tinyModel(V, H)

function load(t: TestContext, graph: Graph): Promise<LoadedModel> {
  return loadModel({
    onnxPath: join(tempFolder(t, { 'model.onnx': writeOnnx(graph) }), 'model.onnx'),
    executionProvider: 'cpu',
    threads: 1,
    vocabSize: V,
    headSize: HEAD_SIZE,
    keyValueHeads: HEADS,
    ceilingNats: 1e-3,
    approximateCeilingNats: 0.5,
    claimsFloat32: true,
    expectedFiles: {}
  })
}

/** Two sequences of four tokens: S is 3. */
const TEXTS = [
  [0, 5, 6, 7],
  [3, 8, 10, 1]
]
const S = 3

/**
 * The tiny model with its hidden states passed through a cache: `there` gives them the shape of its entries, `back`
 * reverts it.
 */
function withCache(past: TensorInfo, lengthAxis: number, there: readonly OnnxNode[], back: readonly OnnxNode[], shapes: Graph['initializers']): Graph {
  const [gather, product] = MODEL.graph.nodes
  return {
    ...MODEL.graph,
    nodes: [
      { ...gather!, outputs: ['embedded'] },
      ...there,
      buildNode('Concat', [past.name, 'entries'], ['cache'], { attributes: { axis: lengthAxis } }),
      ...back,
      product!
    ],
    initializers: [...MODEL.graph.initializers, ...shapes],
    inputs: [...MODEL.graph.inputs, past]
  }
}

const FOLDED = withCache(
  info('past_key_values.0.key', FLOAT, ['batch_size x num_heads', HEAD_SIZE, 'past_sequence_length']),
  2,
  [
    buildNode('Reshape', ['embedded', 'split'], ['heads']),
    buildNode('Transpose', ['heads'], ['turned'], { attributes: { perm: [0, 2, 3, 1] } }),
    buildNode('Reshape', ['turned', 'folded'], ['entries'])
  ],
  [
    buildNode('Reshape', ['cache', 'unfolded'], ['unfolded_cache']),
    buildNode('Transpose', ['unfolded_cache'], ['rows'], { attributes: { perm: [0, 3, 1, 2] } }),
    buildNode('Reshape', ['rows', 'joined'], ['hidden'])
  ],
  [
    buildInt64('split', [4], [-1, S, HEADS, HEAD_SIZE]),
    buildInt64('folded', [3], [-1, HEAD_SIZE, S]),
    buildInt64('unfolded', [4], [-1, HEADS, HEAD_SIZE, S]),
    buildInt64('joined', [3], [-1, S, H])
  ]
)
const TOGETHER = withCache(
  info('past_key_values.0.key_value', FLOAT, ['batch', 'past', 'both']),
  1,
  [buildNode('Identity', ['embedded'], ['entries'])],
  [buildNode('Identity', ['cache'], ['hidden'])],
  []
)
const HALF = withCache(
  info('past_key_values.0.key', FLOAT16, ['batch', HEADS, 'past', HEAD_SIZE]),
  2,
  [
    buildNode('Reshape', ['embedded', 'split'], ['heads']),
    buildNode('Transpose', ['heads'], ['turned'], { attributes: { perm: [0, 2, 1, 3] } }),
    buildNode('Cast', ['turned'], ['entries'], { attributes: { to: FLOAT16 } })
  ],
  [
    buildNode('Cast', ['cache'], ['floats'], { attributes: { to: FLOAT } }),
    buildNode('Transpose', ['floats'], ['rows'], { attributes: { perm: [0, 2, 1, 3] } }),
    buildNode('Reshape', ['rows', 'joined'], ['hidden'])
  ],
  [buildInt64('split', [4], [-1, S, HEADS, HEAD_SIZE]), buildInt64('joined', [3], [-1, S, H])]
)

describe('loadModel', () => {
  for (const [what, graph, toleranceNats] of [
    ["old BLOOM's caches, heads folded into the batch", FOLDED, 1e-5],
    ["GPT-BigCode's caches, keys and values together", TOGETHER, 1e-5],
    ['caches in half precision', HALF, 1e-2]
  ] as const) {
    it(`scores a model with ${what}`, async (t) => {
      const model = await load(t, graph)
      const { rows } = await model.score({ sequences: TEXTS.map((ids) => ({ ids: Int32Array.from(ids), firstScored: 1 })), topCount: null })
      TEXTS.forEach((ids, b) => {
        rows[b]?.logProbs.forEach((found, i) => {
          const expected = referenceScores(productOf(MODEL, ids[i]!), ids[i + 1]!).logProb
          assert.ok(Math.abs(found - expected) < toleranceNats, `${found}, expected ${expected}`)
        })
      })
      assert.equal(rows.flatMap(({ logProbs }) => [...logProbs]).length, TEXTS.length * S)
      await model.release()
    })
  }

  it('scores last-token candidates at the row of the last token, beside other sequences, with details', async (t) => {
    const model = await load(t, MODEL.graph)
    const [first, second] = TEXTS.map((ids) => ({ ids: Int32Array.from(ids), firstScored: 1 }))
    const { rows } = await model.score({ sequences: [{ ...first!, lastTokenCandidates: Int32Array.of(2, 9) }, second!], topCount: 2 })
    const wanted = [
      [...TEXTS[0]!.slice(1).map((id, i) => [TEXTS[0]![i]!, id] as const), [6, 2] as const, [6, 9] as const],
      TEXTS[1]!.slice(1).map((id, i) => [TEXTS[1]![i]!, id] as const)
    ]
    wanted.forEach((pairs, b) => {
      assert.equal(rows[b]?.logProbs.length, pairs.length)
      pairs.forEach(([fed, target], row) => {
        const expected = referenceScores(productOf(MODEL, fed), target)
        assert.ok(Math.abs(rows[b]!.logProbs[row]! - expected.logProb) < 1e-5)
        assert.equal(rows[b]!.detail?.ranks[row], expected.higherCount + 1)
        assert.equal(rows[b]!.detail?.topIds[row * 2], expected.bestId)
      })
    })
    assert.deepEqual(rows[0]?.checksums, rowChecksums({ ...first!, lastTokenCandidates: Int32Array.of(2, 9) }))
    assert.deepEqual(rows[1]?.checksums, rowChecksums(second!))
    await model.release()
  })

  it('advises another export for bfloat16 weights, which onnxruntime does not multiply on a CPU', async (t) => {
    const graph: Graph = {
      ...MODEL.graph,
      nodes: [
        { ...MODEL.graph.nodes[0]!, outputs: ['embedded'] },
        buildNode('Cast', ['embedded'], ['hidden'], { attributes: { to: BFLOAT16 } }),
        buildNode('MatMul', ['hidden', 'coarse'], ['product']),
        buildNode('Cast', ['product'], ['logits'], { attributes: { to: FLOAT } })
      ],
      initializers: [...MODEL.graph.initializers, buildTensor('coarse', [H, V], BFLOAT16, new Uint8Array(2 * H * V))]
    }
    await assert.rejects(load(t, graph), {
      code: 'model_invalid',
      message: /could not load the model.*bfloat16 weights.*use an export in fp32 or fp16/s
    })
  })

  describe('with limits on its memory', () => {
    const limits = { maxModelLen: 512, maxBatchTokens: 2048, longTextTokens: 128 }

    it('rejects a model that does not fit with `model_too_large`', async () => {
      await assert.rejects(loadModel({ ...specOf(EMBEDDED_MODEL), memory: { ...limits, limitBytes: 100 << 20 } }), { code: 'model_too_large' })
    })

    it('reports the predicted memory of a model that fits', async () => {
      const model = await loadModel({ ...specOf(EMBEDDED_MODEL), memory: { ...limits, limitBytes: null } })
      await model.release()

      assert.ok(model.memory !== null)
      const { totalBytes, weightBytes } = model.memory.prediction
      assert.ok(totalBytes > weightBytes)
    })
  })
})
