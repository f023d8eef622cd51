import { ServiceError } from '../../errors.ts'
import type { CanaryReport } from '../engine.ts'
import type { EngineSpec, KnownAnswer } from '../protocol.ts'
import type { LoadedModel } from './session.ts'

const LENGTH = 24

/**
 * Runs a sequence whose log-probabilities are known, alone and again beside a shorter neighbour, before the engine says
 * it is ready; also warms up kernels and buffers. Throws `model_invalid` when a number is not what it has to be.
 */
export async function runCanary(model: LoadedModel, spec: EngineSpec, known: KnownAnswer | null): Promise<CanaryReport> {
  const ids = known?.ids ?? arbitraryIds(spec)
  const sequence = { ids: Int32Array.from(ids), firstScored: 1 }
  const neighbour = { ids: sequence.ids.slice(0, Math.ceil(ids.length / 2)), firstScored: 1 }
  const logProbs = await logProbsOfFirst(model, [sequence])
  const beside = await logProbsOfFirst(model, [sequence, neighbour])

  if (!logProbs.every((value) => Number.isFinite(value) && value <= 0)) throw failure('a log-probability is not a finite number <= 0')
  const batchDifference = maxDifference(logProbs, beside)
  if (batchDifference > spec.toleranceNats)
    throw failure(`it differs by ${batchDifference} nats a token when it shares its batch with a shorter text: padding or masking is wrong`)
  if (known === null) return { comparedWith: 'first', maxDifference: null, ids, logProbs }

  const difference = maxDifference(logProbs, known.logProbs)
  if (!(difference <= spec.toleranceNats))
    throw failure(`it differs by ${difference} nats a token from the ${known.source} answer: weights, tokenizer or runtime are not those it was made with`)
  return { comparedWith: known.source, maxDifference: difference, ids, logProbs }
}

function failure(reason: string): ServiceError {
  return new ServiceError('model_invalid', `the start-up canary failed: ${reason}`)
}

async function logProbsOfFirst(model: LoadedModel, sequences: { ids: Int32Array; firstScored: number }[]): Promise<number[]> {
  const { rows } = await model.score({ sequences, topCount: null })
  return Array.from(rows[0]?.logProbs ?? [])
}

function arbitraryIds({ prefixTokenId, vocabSize }: EngineSpec): number[] {
  // A stride that is prime and large spreads the ids over the vocabulary.
  return Array.from({ length: LENGTH }, (_, i) => (i === 0 && prefixTokenId !== null ? prefixTokenId : (i * 7919) % vocabSize))
}

function maxDifference(a: readonly number[], b: readonly number[]): number {
  return a.length === b.length ? Math.max(...a.map((value, i) => Math.abs(value - b[i]!))) : Number.POSITIVE_INFINITY
}
