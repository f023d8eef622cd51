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
  throw new Error('the model was accepted')
}

describe('the memory of the embedded model', () => {
  test('is known for every operator', () => {
    assert.deepEqual(unknownOperators, [])
  })

  test('grows with the token budget, and attention with its square', () => {
    const pass = (maxBatchTokens: number): number => predictMemory({ ...embedded, maxBatchTokens }).budget.bytes

    assert.ok(pass(1024) < pass(2048))
    assert.ok(pass(4096) - pass(2048) > 2 * (pass(2048) - pass(1024)))
  })

  test('is larger for the verification of its longest text than for the token budget', () => {
    assert.ok(longest.bytes > budget.bytes)
  })
})

describe('assertFits', () => {
  test('gives no warning without a limit or with enough memory', () => {
    assert.equal(assertFits(embedded, null).warning, null)
    assert.equal(assertFits(embedded, 4 * (totalBytes + longest.bytes)).warning, null)
  })

  test('rejects a model and names the largest token budget that fits', () => {
    const limit = totalBytes - 1
    const { code, message } = refusal(limit)
    const tokens = largestBudget(embedded, limit)

    assert.equal(code, 'model_too_large')
    assert.match(message, new RegExp(`more than the limit of .* or set --max-batch-tokens ${tokens}$`))
    assert.doesNotThrow(() => assertFits({ ...embedded, maxBatchTokens: present(tokens) }, limit))
  })

  test('reports that the weights alone do not fit', () => {
    assert.match(refusal(baseBytes + weightBytes - 1).message, /the weights alone do not fit/)
  })

  test('warns about texts longer than the token budget that do not fit', () => {
    const { warning } = assertFits(embedded, totalBytes)
    const tokens = Number(/texts of more than (\d+) tokens/.exec(present(warning))?.[1])

    assert.ok(tokens > 0 && tokens < 4096, warning ?? 'no warning')
  })

  test('gives the prefix cache what the limit leaves, and says so', () => {
    const cached = { ...embedded, prefixCacheBytes: 256 << 20 }
    const limit = totalBytes + (100 << 20)

    assert.deepEqual(assertFits(cached, null).prefixCacheBytes, 256 << 20)
    const { prefixCacheBytes, warning } = assertFits(cached, limit)
    assert.equal(prefixCacheBytes, 100 << 20)
    assert.match(present(warning), /the prefix cache gets 100 MiB instead of 256 MiB, because the limit of/)
    assert.equal(assertFits({ ...cached, replicas: 2 }, predictMemory({ ...cached, replicas: 2 }).totalBytes + (100 << 20)).prefixCacheBytes, 50 << 20)
  })

  test('warns when the prediction is close to the limit', () => {
    const short = { ...embedded, maxModelLen: 128 }

    assert.match(present(assertFits(short, predictMemory(short).totalBytes * 1.1).warning), /close to the limit/)
  })
})

describe('memoryLimitBytes', () => {
  test('is the memory of the machine when the kernel reports no limit, or a higher one', () => {
    assert.equal(memoryLimitBytes(0, 1000), 1000)
    assert.equal(memoryLimitBytes(2 ** 64, 1000), 1000)
    assert.equal(memoryLimitBytes(500, 1000), 500)
  })
})

describe('several engine processes of one model', () => {
  const three = { ...embedded, replicas: 3 }

  test('each need an engine, weights and a pass, and share one front process', () => {
    const prediction = predictMemory(three)
    assert.equal(prediction.weightBytes, 3 * weightBytes)
    assert.equal(prediction.totalBytes - totalBytes, 2 * (totalBytes - baseBytes + (prediction.baseBytes - baseBytes) / 2))
  })

  test('are rejected where a single one fits', () => {
    assert.doesNotThrow(() => assertFits(embedded, totalBytes))
    assert.throws(() => assertFits(three, totalBytes), { code: 'model_too_large', message: /in 3 engine processes .* use fewer replicas/ })
    assert.doesNotThrow(() => assertFits(three, predictMemory(three).totalBytes))
  })

  test('need the weights once, mapped, when they share a file of prepacked weights', () => {
    const shared = predictMemory({ ...three, sharesWeights: true })
    assert.equal(shared.weightBytes, 0)
    assert.equal(shared.mappedBytes - predictMemory(three).mappedBytes, weightBytes)
    assert.ok(shared.totalBytes < predictMemory(three).totalBytes)
  })
})

describe('several models in one service', () => {
  const MIB = 1 << 20
  const models = [{ totalBytes: 500 * MIB }, { totalBytes: 300 * MIB }]

  test('need less than the sum of their predictions because they share one front process', () => {
    assert.equal(bytesTogether([models[0]!]), 500 * MIB)
    const together = bytesTogether(models)
    assert.ok(together > 650 * MIB && together < 800 * MIB)
  })

  test('need what the front process was measured to hold', () => {
    assert.equal(bytesTogether([models[0]!], 930 * MIB), 1300 * MIB)
  })

  test('are rejected when each fits alone but not all together', () => {
    assertFitTogether(models, bytesTogether(models))
    assertFitTogether(models, null)
    assert.throws(() => assertFitTogether(models, 600 * MIB), {
      code: 'model_too_large',
      message: /^2 models need 670 MiB of memory together, 130 MiB of it in the front process with its tokenizers, more than the limit of 600 MiB: /
    })
  })
})
