import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { ServiceError } from '../../src/errors.ts'
import { assertFits, assertFitTogether, bytesTogether, largestBudget } from '../../src/memory/fit.ts'
import { predictMemory } from '../../src/memory/predict.ts'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { scoringGraph } from '../../src/model/onnx/scoring-graph.ts'
import { memoryLimitBytes } from '../../src/process/memory-limit.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { present } from '../support/present.ts'

const embedded = {
  scoring: scoringGraph(readOnnx(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en', 'model.onnx'))),
  vocabSize: 4096,
  headSize: 32,
  maxModelLen: 4097,
  maxBatchTokens: 4096,
  longTextTokens: 128
}
const { baseBytes, weightBytes, budget, longest, totalBytes, unknownOperators } = predictMemory(embedded)

function refusal(limitBytes: number): ServiceError {
  try {
    assertFits(embedded, limitBytes)
  } catch (error) {
    return error as ServiceError
  }
  throw new Error('it was not refused')
}

describe('the memory of the embedded model', () => {
  test('is told for every operator', () => {
    assert.deepEqual(unknownOperators, [])
  })

  test('grows with the token budget, in attention with its square', () => {
    const pass = (maxBatchTokens: number): number => predictMemory({ ...embedded, maxBatchTokens }).budget.bytes

    assert.ok(pass(1024) < pass(2048))
    assert.ok(pass(4096) - pass(2048) > 2 * (pass(2048) - pass(1024)))
  })

  test('is larger for its longest text, verified, than for one pass of it', () => {
    assert.ok(longest.bytes > budget.bytes)
  })
})

describe('assertFits', () => {
  test('says nothing where there is no limit, or room enough', () => {
    assert.equal(assertFits(embedded, null).warning, null)
    assert.equal(assertFits(embedded, 4 * (totalBytes + longest.bytes)).warning, null)
  })

  test('refuses with the largest budget that fits, which then starts', () => {
    const limit = totalBytes - 1
    const { code, message } = refusal(limit)
    const tokens = largestBudget(embedded, limit)

    assert.equal(code, 'model_too_large')
    assert.match(message, new RegExp(`more than the limit of .* --max-batch-tokens ${tokens} would$`))
    assert.doesNotThrow(() => assertFits({ ...embedded, maxBatchTokens: present(tokens) }, limit))
  })

  test('says when the weights alone do not fit', () => {
    assert.match(refusal(baseBytes + weightBytes - 1).message, /its weights alone do not fit/)
  })

  test('warns of a text that is longer than the budget and does not fit', () => {
    const { warning } = assertFits(embedded, totalBytes)
    const tokens = Number(/texts of more than (\d+) tokens/.exec(present(warning))?.[1])

    assert.ok(tokens > 0 && tokens < 4096, warning ?? 'no warning')
  })

  test('warns when little room is left', () => {
    const short = { ...embedded, maxModelLen: 128 }

    assert.match(present(assertFits(short, predictMemory(short).totalBytes * 1.1).warning), /close to the limit/)
  })
})

describe('the limit of a container', () => {
  test('is none where the kernel says so, or where it is above what the machine has', () => {
    assert.equal(memoryLimitBytes(0, 1000), null)
    assert.equal(memoryLimitBytes(2 ** 64, 1000), null)
    assert.equal(memoryLimitBytes(500, 1000), 500)
  })
})

describe('several engine processes of one model', () => {
  const three = { ...embedded, replicas: 3 }

  test('need an engine, weights and a pass each beside one front process', () => {
    const prediction = predictMemory(three)
    assert.equal(prediction.weightBytes, 3 * weightBytes)
    assert.equal(prediction.totalBytes - totalBytes, 2 * (totalBytes - baseBytes + (prediction.baseBytes - baseBytes) / 2))
  })

  test('are refused together where one of them fits', () => {
    assert.doesNotThrow(() => assertFits(embedded, totalBytes))
    assert.throws(() => assertFits(three, totalBytes), { code: 'model_too_large', message: /in 3 engine processes .* fewer replicas/ })
    assert.doesNotThrow(() => assertFits(three, predictMemory(three).totalBytes))
  })

  test('need the weights once, mapped, when they share a prepared file', () => {
    const shared = predictMemory({ ...three, sharesWeights: true })
    assert.equal(shared.weightBytes, 0)
    assert.equal(shared.mappedBytes - predictMemory(three).mappedBytes, weightBytes)
    assert.ok(shared.totalBytes < predictMemory(three).totalBytes)
  })
})

describe('several models in one service', () => {
  const MIB = 1 << 20
  const models = [{ totalBytes: 500 * MIB }, { totalBytes: 300 * MIB }]

  test('need less than the sum of what each needs alone, since the front process is there once', () => {
    assert.equal(bytesTogether([models[0]!]), 500 * MIB)
    const together = bytesTogether(models)
    assert.ok(together > 700 * MIB && together < 800 * MIB)
  })

  test('are refused when they fit alone but not together', () => {
    assertFitTogether(models, bytesTogether(models))
    assertFitTogether(models, null)
    assert.throws(() => assertFitTogether(models, 600 * MIB), {
      code: 'model_too_large',
      message: /^the 2 models need 715 MiB of memory together, more than the limit of 600 MiB: /
    })
  })
})
