import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { InferenceSession } from '../../../src/engine/process/onnxruntime.ts'
import { writeOnnx } from '../../../src/model/onnx/write.ts'
import { type HeadForm, type QuantizedHead, quantizedHeadLogits, quantizedHeadModel } from '../../support/quantized-head.ts'
import { referenceScores } from '../../support/reference-scores.ts'
import { int64, openScoring } from '../../support/scoring-session.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const TOLERANCE = 1e-5
const V = 37
const H = 12
const TOKENS = 9

// Weights of seven bits: processors without integer dot products saturate sums of two larger products.
const column = (v: number): number => 0.003 + 0.001 * (v % 5)
const wave = (i: number): number => Math.round(60 * Math.sin(i * i + 1))
// The last token's hidden states are twice as large, so that they determine the scale of their tensor.
const embedding = Float32Array.from({ length: TOKENS * H }, (_, i) => Math.sin(7 * i) * (i >= (TOKENS - 1) * H ? 2 : 1))

const PLAIN: QuantizedHead = {
  H,
  V,
  embedding,
  weights: Int8Array.from({ length: H * V }, (_, i) => wave(i)),
  scales: [Math.fround(0.004)],
  zeroPoints: [0],
  bias: null
}
const HEADS: Readonly<Record<string, QuantizedHead>> = {
  'int8 weights': PLAIN,
  'int8 weights of one scale a column': { ...PLAIN, scales: Array.from({ length: V }, (_, v) => Math.fround(column(v))), zeroPoints: new Array(V).fill(0) },
  'uint8 weights with a zero point, and a bias': {
    ...PLAIN,
    weights: Uint8Array.from({ length: H * V }, (_, i) => 62 + wave(i)),
    zeroPoints: [62],
    bias: Array.from({ length: V }, (_, v) => Math.fround(Math.cos(v)))
  }
}
const FORMS: readonly HeadForm[] = ['MatMulInteger', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul']

// Two texts of four tokens; the last token is not among the scored rows.
const IDS = [3, 1, 4, 1, 5, 2, 6, TOKENS - 1]
const feeds = { input_ids: int64(IDS, [2, 4]) }
const ROWS = [0, 5, 2, 6, 1, 5]
const TARGETS = [1, 6, 1, 8, 36, 0]
const inChunksOf = (size: number, values: readonly number[]): number[][] =>
  Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size))

function assertClose(actual: readonly number[], expected: readonly number[], what: string): void {
  assert.equal(actual.length, expected.length)
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) <= TOLERANCE, `${what}, row ${i}: ${value}, expected ${expected[i]}`)
  })
}

describe('the scoring graph of a head that quantizes its hidden states', () => {
  for (const [name, head] of Object.entries(HEADS)) {
    const reference = quantizedHeadLogits(head, IDS)
    const expected = ROWS.map((row, i) => referenceScores(reference[row]!, TARGETS[i]!).logProb)

    for (const form of FORMS) {
      it(`matches the integer product of ${form} with ${name}, in one chunk, three or six`, async (t) => {
        const path = join(tempFolder(t, { 'model.onnx': writeOnnx(quantizedHeadModel(head, form)) }), 'model.onnx')
        const ask = await openScoring(path)
        for (const size of [6, 2, 1]) {
          const { logProb } = await ask({ feeds, rows: inChunksOf(size, ROWS), targets: inChunksOf(size, TARGETS), topCount: null })
          assertClose(logProb, expected, `chunks of ${size}`)
        }
      })

      it(`matches onnxruntime on the whole ${form} graph with ${name}`, async (t) => {
        const path = join(tempFolder(t, { 'model.onnx': writeOnnx(quantizedHeadModel(head, form)) }), 'model.onnx')
        const session = await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 4 })
        const logits = Array.from((await session.run(feeds)).logits!.data as Float32Array)
        const whole = ROWS.map((row, i) => referenceScores(logits.slice(row * V, (row + 1) * V), TARGETS[i]!).logProb)
        const { logProb } = await (await openScoring(path))({ feeds, rows: inChunksOf(2, ROWS), targets: inChunksOf(2, TARGETS), topCount: null })
        assertClose(logProb, whole, 'the whole graph')
      })
    }
  }

  it('would score differently if the gathered rows were quantized by themselves', () => {
    const together = quantizedHeadLogits(PLAIN, IDS)[0]!
    const alone = quantizedHeadLogits(PLAIN, IDS.slice(0, 1))[0]!
    assert.ok(Math.max(...together.map((logit, v) => Math.abs(logit - alone[v]!))) > 100 * TOLERANCE)
  })
})
