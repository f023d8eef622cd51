import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { withAttentionBias } from '../../../src/model/onnx/attention-bias.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { SCORING_OUTPUTS, scoringGraph } from '../../../src/model/onnx/scoring-graph.ts'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { aloneLogProbs, openPacked, type PackedScoring, packedLogProbs } from '../../support/packed-scoring.ts'

const MODELS = join(PACKAGE_FOLDER, 'test/data/models')
const EVERYTHING = { slidingWindow: null }

const PREFIX = [5, 17, 40, 2, 33, 8, 21, 60]
/** Three sequences that share a prefix, and one that does not. */
const SEQUENCES = [
  [...PREFIX, 7, 44, 12],
  [...PREFIX, 7, 3, 50, 9],
  [62, 11, 30, 4, 19, 25],
  [...PREFIX, 55, 1]
]
/** Rounding only; the largest difference over 30 architectures was 5.7e-6 nats. */
const TOLERANCE_NATS = 1e-5

const PACKABLE: readonly (readonly [string, { readonly hasPast: boolean; readonly window: number | null }])[] = [
  ['llama', { hasPast: true, window: null }],
  ['gpt2-no-past', { hasPast: false, window: null }],
  ['llama-merged', { hasPast: false, window: null }],
  ['llama-fp16-io', { hasPast: true, window: null }],
  ['llama-quantized/onnx/model_q4.onnx', { hasPast: true, window: null }],
  ['qwen2-external-2', { hasPast: true, window: 24 }],
  ['llama-genai-int4', { hasPast: true, window: null }],
  ['gemma2', { hasPast: true, window: 24 }]
]

async function open(t: TestContext, name: string): Promise<PackedScoring> {
  const model = await openPacked(join(MODELS, name))
  t.after(() => model.close())
  return model
}

function largestDifference(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  assert.deepEqual(
    a.map(({ length }) => length),
    b.map(({ length }) => length)
  )
  return Math.max(...a.flatMap((row, k) => row.map((value, i) => Math.abs(value - b[k]![i]!))))
}

describe('withAttentionBias', () => {
  for (const [name, expected] of PACKABLE) {
    it(`does not change any score of a plain pass: ${name}`, async (t) => {
      const model = await open(t, name)
      assert.deepEqual({ hasPast: model.hasPast, window: model.window }, expected)
      for (const ids of SEQUENCES) {
        const [without, withBias] = [await model.unbiased({ ids }), await model.biased({ ids })]
        for (const output of Object.values(SCORING_OUTPUTS)) assert.deepEqual(withBias[output]!.data, without[output]!.data, output)
      }
    })

    it(`scores each of several sequences in one row as if it were alone: ${name}`, async (t) => {
      const model = await open(t, name)
      const alone = await Promise.all(SEQUENCES.map((ids) => aloneLogProbs(model, ids)))
      assert.ok(largestDifference(await packedLogProbs(model, SEQUENCES), alone) <= TOLERANCE_NATS)
    })

    if (expected.hasPast)
      it(`does so after a past that holds half of their prefix: ${name}`, async (t) => {
        const model = await open(t, name)
        const continued = SEQUENCES.filter((ids) => ids[0] === PREFIX[0])
        const behind = await Promise.all(continued.map(async (ids) => (await aloneLogProbs(model, ids)).slice(4)))
        assert.ok(largestDifference(await packedLogProbs(model, continued, 4), behind) <= TOLERANCE_NATS)
      })
  }

  it('hides the sequences of a row from each other', async (t) => {
    const model = await open(t, 'llama')
    const alone = await aloneLogProbs(model, [62, 11, 30, 4])
    const wanted = [11, 30, 4].map((target, i) => ({ row: 2 + i, target }))
    const outputs = await model.biased({ ids: [5, 17, 62, 11, 30], positions: [0, 1, 0, 1, 2], wanted })
    assert.ok(largestDifference([Array.from(outputs[SCORING_OUTPUTS.logProb]!.data as Float32Array)], [alone]) > 0.01)
  })

  it('takes the smaller of the windows of config.json and of the graph', () => {
    const graph = scoringGraph(readOnnx(join(MODELS, 'llama/model.onnx')))
    const packable = withAttentionBias(graph, { slidingWindow: 7 })
    assert.equal('window' in packable && packable.window, 7)
  })

  const REFUSED: readonly (readonly [string, RegExp])[] = [
    ['bloom-no-past/model.onnx', /computes positions in a way/],
    ['falcon-alibi/model.onnx', /computes positions in a way/],
    ['llama-quantized/onnx/model_quantized.onnx', /quantized over whole tensors/]
  ]
  for (const [file, reason] of REFUSED)
    it(`says why ${file} cannot be packed`, () => {
      const result = withAttentionBias(scoringGraph(readOnnx(join(MODELS, file))), EVERYTHING)
      assert.match('reason' in result ? result.reason : '', reason)
    })
})
