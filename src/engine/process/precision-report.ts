import { ServiceError } from '../../errors.ts'
import { referenceAnswer } from '../../model/precision/rounded-file.ts'
import type { PrecisionReport, SelfTestReport } from '../engine-info.ts'
import type { EngineSpec } from '../protocol.ts'
import { firstLogProbs, sequenceOf } from './self-test/passes.ts'
import { type LoadedModel, loadModel } from './session.ts'

/**
 * Rounding cannot explain a larger mean, nats per token: 100 times the measured mean with random weights, 20 times with
 * trained ones (decision 0016).
 */
const LARGEST_MEAN_NATS = 0.5

/**
 * Measures how much 8-bit weights change the log-probabilities of the first self-test text; null for a model without
 * them. The reference with the file's own weights is computed once, in a session that does not copy them, and cached.
 * Throws `model_invalid` when the difference exceeds rounding.
 */
export async function precisionReport(spec: EngineSpec, { precision }: LoadedModel, { answers }: SelfTestReport): Promise<PrecisionReport | null> {
  const [answer] = answers
  if (precision === null || spec.precision === undefined || answer === undefined) return null
  const expected = await referenceAnswer({ folder: spec.precision.folder, key: precision.key }, answer.ids, () => withOwnWeights(spec, answer.ids))
  const differences = answer.logProbs.map((logProb, i) => Math.abs(logProb - (expected[i] ?? Number.NaN)))
  const meanDifferenceNats = differences.reduce((sum, each) => sum + each, 0) / differences.length
  if (!(meanDifferenceNats <= LARGEST_MEAN_NATS))
    throw new ServiceError(
      'model_invalid',
      `8-bit weights change a text by ${meanDifferenceNats} nats per token on average; rounding explains at most ${LARGEST_MEAN_NATS}. Start without --precision int8`
    )
  return {
    form: precision.plan.form,
    weights: precision.plan.weights.size,
    fileBytes: precision.plan.sizeBytes,
    wasCached: precision.wasCached,
    meanDifferenceNats,
    maxDifferenceNats: Math.max(...differences),
    tokens: differences.length
  }
}

async function withOwnWeights(spec: EngineSpec, ids: readonly number[]): Promise<readonly number[]> {
  const { precision: _precision, memory: _memory, sharing: _sharing, prepacked: _prepacked, ...own } = spec
  const model = await loadModel(own, true)
  try {
    return [...firstLogProbs(await model.score({ sequences: [sequenceOf(ids)], topCount: null }))]
  } finally {
    await model.release()
  }
}
