import { ServiceError } from '../../errors.ts'
import { referenceAnswer } from '../../model/precision/rounded-file.ts'
import type { PrecisionReport, SelfTestReport } from '../engine-info.ts'
import type { EngineSpec } from '../protocol.ts'
import { firstLogProbs, sequenceOf } from './self-test/passes.ts'
import { type LoadedModel, loadModel } from './session.ts'

/** A mean above this, nats a token, is no rounding: a hundred times what was measured on random weights, twenty times on trained ones (decision 0016). */
const LARGEST_MEAN_NATS = 0.5

/**
 * What 8-bit weights changed, over the first text of the self-test: null for a model that has none. Its answer with the weights of the
 * file is computed once, by a session that does not copy them, and kept. Throws `model_invalid` when it differs beyond rounding.
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
      `with 8-bit weights a text differs by ${meanDifferenceNats} nats a token from what it is with the weights of the file, more than ${LARGEST_MEAN_NATS}: leave --precision int8 out`
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
  const { precision: _rounded, memory: _predicted, sharing: _shared, prepacked: _mapped, ...own } = spec
  const model = await loadModel(own, true)
  try {
    return [...firstLogProbs(await model.score({ sequences: [sequenceOf(ids)], topCount: null }))]
  } finally {
    await model.release()
  }
}
