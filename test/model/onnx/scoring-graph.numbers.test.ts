import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { InferenceSession, Tensor } from '../../../src/engine/process/onnxruntime.ts'
import { openModelFolder } from '../../../src/model/folder/model-folder.ts'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT } from '../../../src/model/onnx/data-types.ts'
import type { Graph, OnnxNode } from '../../../src/model/onnx/graph.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { writeOnnx } from '../../../src/model/onnx/write.ts'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { embeddingModel, productOf, type TinyModel, tinyModel } from '../../support/onnx-model.ts'
import { type ReferenceScores, referenceScores } from '../../support/reference-scores.ts'
import { type Ask, int64, openScoring, type ScoringNumbers } from '../../support/scoring-session.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** Logits here are below 10; float32 rounds them, and sums over V of them, by some 1e-6. */
const TOLERANCE = 1e-5
const TOP = 5

const V = 101
const H = 16
const BIAS = Array.from({ length: V }, (_, v) => Math.fround(Math.sin(v)))

interface Variant {
  readonly tail?: readonly OnnxNode[]
  readonly weights?: Graph['initializers']
  /** The same tail in float64. */
  readonly logitOf?: (product: number, v: number) => number
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  'a bare product': {},
  'a bias': {
    tail: [buildNode('Add', ['product', 'bias'], ['logits'])],
    weights: [buildFloat('bias', [V], BIAS)],
    logitOf: (product, v) => product + BIAS[v]!
  },
  'a bias of three dimensions': {
    tail: [buildNode('Add', ['product', 'bias'], ['logits'])],
    weights: [buildFloat('bias', [1, 1, V], BIAS)],
    logitOf: (product, v) => product + BIAS[v]!
  },
  'a soft cap and a cast': {
    tail: [
      buildNode('Div', ['product', 'cap'], ['scaled']),
      buildNode('Tanh', ['scaled'], ['bounded']),
      buildNode('Mul', ['bounded', 'cap'], ['capped']),
      buildNode('Cast', ['capped'], ['logits'], { attributes: { to: FLOAT } })
    ],
    weights: [buildFloat('cap', [], [3])],
    logitOf: (product) => 3 * Math.tanh(product / 3)
  }
}

function same(logit: number): number {
  return logit
}

async function open(t: TestContext, graph: Graph): Promise<Ask> {
  return openScoring(join(tempFolder(t, { 'model.onnx': writeOnnx(graph) }), 'model.onnx'))
}

function close(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= TOLERANCE, `${what}: ${actual}, expected ${expected}`)
}

function assertRow(numbers: ScoringNumbers, row: number, expected: ReferenceScores): void {
  close(numbers.logProb[row]!, expected.logProb, `log prob of row ${row}`)
  close(numbers.logSumExp[row]!, expected.logSumExp, `logsumexp of row ${row}`)
  close(numbers.bestLogProb[row]!, expected.bestLogProb, `best log prob of row ${row}`)
  assert.equal(numbers.bestId[row], expected.bestId, `best id of row ${row}`)
}

function assertDetail(numbers: ScoringNumbers, row: number, expected: ReferenceScores): void {
  assert.equal(numbers.higherCount[row], expected.higherCount, `rank of row ${row}`)
  close(numbers.entropy[row]!, expected.entropy, `entropy of row ${row}`)
  expected.byProbability.slice(0, TOP).forEach(({ id, logProb }, k) => {
    assert.equal(numbers.topIds[row * TOP + k], id, `top id ${k} of row ${row}`)
    close(numbers.topLogProbs[row * TOP + k]!, logProb, `top log prob ${k} of row ${row}`)
  })
}

describe('the scoring graph in onnxruntime', () => {
  // Two texts of three tokens: rows 0 to 2 and 3 to 5 of the flattened hidden states.
  const IDS = [5, 17, 99, 0, 100, 42]
  const feeds = { input_ids: int64(IDS, [2, 3]) }
  const ROWS = [
    [0, 1, 2, 3],
    [4, 5, 5, 0]
  ]
  const TARGETS = [
    [17, 99, 3, 100],
    [42, 0, 42, 5]
  ]

  for (const [name, { tail = [], weights = [], logitOf = same }] of Object.entries(VARIANTS)) {
    const model: TinyModel = tinyModel(V, H, tail, weights)
    const expected = ROWS.flat().map((row, i) => referenceScores(productOf(model, IDS[row]!).map(logitOf), TARGETS.flat()[i]!))

    it(`matches float64 reference scores of a head with ${name}, over two chunks`, async (t) => {
      const numbers = await (await open(t, model.graph))({ feeds, rows: ROWS, targets: TARGETS, topCount: TOP })
      assert.equal(numbers.logProb.length, 8)
      expected.forEach((scores, row) => {
        assertRow(numbers, row, scores)
        assertDetail(numbers, row, scores)
      })
    })
  }

  it('returns the four plain scores and one placeholder per chunk without details', async (t) => {
    const model = tinyModel(V, H)
    const numbers = await (await open(t, model.graph))({ feeds, rows: ROWS, targets: TARGETS, topCount: null })
    ROWS.flat().forEach((row, i) => assertRow(numbers, i, referenceScores(productOf(model, IDS[row]!), TARGETS.flat()[i]!)))
    assert.deepEqual(
      [numbers.higherCount, numbers.entropy, numbers.topLogProbs, numbers.topIds],
      [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0]
      ]
    )
  })

  it('returns the same scores for every split of rows into chunks', async (t) => {
    const ask = await open(t, tinyModel(V, H).graph)
    const rows = ROWS.flat()
    const targets = TARGETS.flat()
    const together = await ask({ feeds, rows: [rows], targets: [targets], topCount: TOP })
    const apart = await ask({ feeds, rows: rows.map((row) => [row]), targets: targets.map((target) => [target]), topCount: TOP })
    assert.deepEqual(apart.bestId, together.bestId)
    assert.deepEqual(apart.topIds, together.topIds)
    together.logProb.forEach((logProb, row) => close(apart.logProb[row]!, logProb, `log prob of row ${row}`))
  })

  it('ranks two logits that round to the same log-prob', async (t) => {
    // Next to a logsumexp of about 1, float32 loses the difference of 1e-8 between the first two.
    const graph = embeddingModel(3, 1, Float32Array.of(1), Float32Array.of(1e-8, 0, -1))
    const numbers = await (await open(t, graph))({ feeds: { input_ids: int64([0], [1, 1]) }, rows: [[0]], targets: [[1]], topCount: 1 })
    assert.deepEqual([numbers.bestId, numbers.higherCount], [[0], [1]])
    assert.equal(numbers.logProb[0], numbers.bestLogProb[0])
  })

  it('does not copy weights: a model of 800 kB becomes less than 1 kB', (t) => {
    const path = join(tempFolder(t, { 'model.onnx': writeOnnx(tinyModel(1000, 100).graph) }), 'model.onnx')
    assert.ok(writeOnnx(readOnnx(path)).length < 1000)
  })
})

describe('the embedded model as a scoring graph', () => {
  it("returns the float64 log-softmax of the original graph's logits", async () => {
    const { onnxPath, headSize, vocabSize } = openModelFolder(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'))
    const ids = [0, 260, 1000, 17, 4095, 300, 12, 88]
    const S = ids.length
    const feeds = (inputs: Graph['inputs']): Record<string, Tensor> =>
      Object.fromEntries(inputs.map(({ name, shape }) => [name, feedOf(name, shape)] as const).filter(([, tensor]) => tensor !== null)) as Record<
        string,
        Tensor
      >
    const feedOf = (name: string, shape: Graph['inputs'][number]['shape']): Tensor | null => {
      if (name === 'input_ids') return int64(ids, [1, S])
      if (name === 'attention_mask') return int64(new Array(S).fill(1), [1, S])
      if (name === 'position_ids')
        return int64(
          ids.map((_, s) => s),
          [1, S]
        )
      return name.startsWith('past_key_values.') ? new Tensor('float32', new Float32Array(0), [1, Number(shape![1]), 0, headSize]) : null
    }
    const original = readOnnx(onnxPath)
    const session = await InferenceSession.create(onnxPath, { intraOpNumThreads: 1, logSeverityLevel: 4 })
    const logits = Array.from((await session.run(feeds(original.inputs), ['logits'])).logits!.data as Float32Array)

    const rows = [0, 3, 6]
    const targets = rows.map((row) => ids[row + 1]!)
    const numbers = await (await openScoring(onnxPath))({ feeds: feeds(original.inputs), rows: [rows], targets: [targets], topCount: TOP })
    rows.forEach((row, i) => {
      const expected = referenceScores(logits.slice(row * vocabSize, (row + 1) * vocabSize), targets[i]!)
      assertRow(numbers, i, expected)
      assert.equal(numbers.higherCount[i], expected.higherCount)
      // A sum over 4,096 tokens of p log p.
      assert.ok(Math.abs(numbers.entropy[i]! - expected.entropy) <= 10 * TOLERANCE)
    })
  })
})
