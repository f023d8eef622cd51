import { EMBEDDED_MODEL, specOf } from '../../../bench/support/models.ts'
import { watchAnonymous } from '../../../bench/support/process-memory.ts'
import { assertFits } from '../../../src/memory/fit.ts'
import { predictMemory } from '../../../src/memory/predict.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { scoringGraph } from '../../../src/model/onnx/scoring-graph.ts'
import { refusalOf } from '../../support/external-data.ts'
import { randomOf } from '../../support/random.ts'
import { startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const REPETITIONS = 5
/** With the prefix token, the longest text that the included model takes. */
const TEXT_TOKENS = 510
const TEXTS = 4
const MIB = 2 ** 20
const MARGIN = 1.1
/** Defaults of the service. */
const LIMITS = { maxModelLen: 512, maxBatchTokens: 2048, longTextTokens: 128 }

async function measure(): Promise<Measured> {
  const { onnxPath, vocabSize, headSize } = specOf(EMBEDDED_MODEL)
  const question = { scoring: scoringGraph(readOnnx(onnxPath)), vocabSize, headSize, ...LIMITS }
  const { baseBytes, weightBytes, totalBytes, longest } = predictMemory(question)
  const predicted = Math.max(totalBytes, baseBytes + weightBytes + longest.bytes)
  // The caches have limits of their own, which an operator adds.
  const service = await startService({
    LOGPR_PREFIX_CACHE_BYTES: '0',
    LOGPR_MAX_BATCH_TOKENS: String(LIMITS.maxBatchTokens),
    LOGPR_LONG_TEXT_TOKENS: String(LIMITS.longTextTokens)
  })
  const watches = [service.process.pid ?? 0, service.enginePid()].map(watchAnonymous)
  const random = randomOf(13)
  const statuses = new Set<number>()
  try {
    for (let time = 0; time < REPETITIONS; time++) {
      // Deep verification runs each text beside another of its length.
      const pairs = Array.from({ length: TEXTS }, () => ({ x: random.ids(1), y: random.ids(TEXT_TOKENS) }))
      const short = Array.from({ length: 16 }, () => ({ x: random.ids(1), y: random.ids(LIMITS.longTextTokens - 2) }))
      for (const body of [
        { pairs, verify: 'deep' },
        { pairs: short, top_logprobs: 20 }
      ]) {
        const response = await service.post('/v1/logprob', body)
        await response.arrayBuffer()
        statuses.add(response.status)
      }
    }
  } finally {
    await service.stop()
  }
  const peak = watches.reduce((sum, watch) => sum + watch.stop(), 0)
  const { code } = refusalOf(() => assertFits(question, totalBytes - 1))
  const scored = statuses.size === 1 && statuses.has(200)
  return {
    isKept: scored && peak <= MARGIN * predicted && code === 'model_too_large',
    measured:
      `${REPETITIONS} x ${TEXTS} texts of the longest length with deep verification and 16 short ones with 20 top tokens: peak ${Math.round(peak / MIB)} MiB of ` +
      `${Math.round(predicted / MIB)} predicted (${Math.round((100 * peak) / predicted)} %); ${scored ? 'all scored' : `statuses ${[...statuses].join(', ')}`}; one byte less than predicted: ${code}`
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'B5',
    claim: 'The peak of memory is predicted before the weights are loaded, and a service that does not fit does not start.',
    target:
      'anonymous memory of front and engine in the largest admissible passes at most 110 % of the prediction, without caches; a smaller limit is refused with model_too_large',
    measure
  }
]
