import { ServiceError } from '../errors.ts'
import { mebibytes } from '../process/mebibytes.ts'
import { FRONT_BYTES, type MemoryPrediction, type MemoryQuestion, predictMemory, predictPass } from './predict.ts'

/** What each further tokenizer adds to the front process: 40 to 52 MiB with the embedded model's (docs/reference/memory.md). */
const TOKENIZER_BYTES = 45 * (1 << 20)
/** Above this share of the limit the prediction, which may be 15 % off, is no comfort any more. */
const COMFORTABLE_SHARE = 0.85

export interface Fit {
  readonly prediction: MemoryPrediction
  /** What an operator should know although the service starts; null when there is room enough. */
  readonly warning: string | null
}

/**
 * Compares what a service needs with the memory that its container may use; null where that has no limit. Throws
 * `model_too_large`, saying which settings would fit. A text longer than the budget that does not fit is a warning: the
 * service can do without it.
 */
export function assertFits(question: MemoryQuestion, limitBytes: number | null): Fit {
  const prediction = predictMemory(question)
  if (limitBytes === null) return { prediction, warning: null }
  const { replicas, totalBytes, baseBytes, weightBytes, loadingBytes, longest } = prediction
  const fixed = baseBytes + weightBytes
  const limit = `the limit of ${mebibytes(limitBytes)}`
  if (totalBytes > limitBytes) {
    const parts = `${mebibytes(baseBytes)} for the processes, ${mebibytes(weightBytes)} of weights, ${mebibytes(totalBytes - fixed)} while it runs or loads`
    const engines = replicas > 1 ? ` in ${replicas} engine processes` : ''
    const needed = `the model needs ${mebibytes(totalBytes)} of memory${engines} (${parts}), more than ${limit}`
    const fewer = replicas > 1 ? ', fewer replicas' : ''
    if (fixed + replicas * loadingBytes > limitBytes) {
      throw new ServiceError('model_too_large', `${needed}; its weights alone do not fit: give the container more memory${fewer} or take a smaller dtype`)
    }
    const tokens = largestBudget(question, limitBytes)
    const advice = tokens === null ? 'no token budget would' : `--max-batch-tokens ${tokens} would`
    throw new ServiceError('model_too_large', `${needed}; it fits with more memory${fewer.replace(',', ' or')}, and ${advice}`)
  }
  const isLongTooLarge = fixed + replicas * longest.bytes > limitBytes
  if (isLongTooLarge) {
    const room = (limitBytes - fixed) / replicas
    const tokens = halved(longest.shape.tokens, (each) => predictPass(question, { sequences: 2, tokens: each }).bytes <= room)
    const most = `${mebibytes(fixed + replicas * longest.bytes)} for a text of ${longest.shape.tokens} tokens, the model's longest, with its verification${replicas > 1 ? ', in each engine process' : ''}`
    const warning = `${most}, are more than ${limit}: texts of more than ${tokens ?? 0} tokens may end the engine process`
    return { prediction, warning }
  }
  if (totalBytes <= COMFORTABLE_SHARE * limitBytes) return { prediction, warning: null }
  return { prediction, warning: `the model needs ${mebibytes(totalBytes)} of memory, close to ${limit}; lower --max-batch-tokens or raise it` }
}

/** The largest token budget, of the configured one halved again and again, that fits; null when none does. */
export function largestBudget(question: MemoryQuestion, limitBytes: number): number | null {
  return halved(question.maxBatchTokens, (maxBatchTokens) => predictMemory({ ...question, maxBatchTokens }).totalBytes <= limitBytes)
}

function halved(start: number, fits: (value: number) => boolean): number | null {
  for (let value = Math.floor(start / 2); value >= 1; value = Math.floor(value / 2)) if (fits(value)) return value
  return null
}

/** Of several models in one service, in bytes: one front process, and all of them in their largest pass at once. */
export function bytesTogether(predictions: readonly Pick<MemoryPrediction, 'totalBytes'>[]): number {
  const sum = predictions.reduce((bytes, { totalBytes }) => bytes + totalBytes, 0)
  return sum - Math.max(0, predictions.length - 1) * (FRONT_BYTES - TOKENIZER_BYTES)
}

/** Throws `model_too_large` when models that fit alone do not fit together; without a limit everything fits. */
export function assertFitTogether(predictions: readonly Pick<MemoryPrediction, 'totalBytes'>[], limitBytes: number | null): void {
  const bytes = bytesTogether(predictions)
  if (limitBytes === null || bytes <= limitBytes) return
  throw new ServiceError(
    'model_too_large',
    `the ${predictions.length} models need ${mebibytes(bytes)} of memory together, more than the limit of ${mebibytes(limitBytes)}: ` +
      'give the container more memory, lower --max-batch-tokens, or serve fewer models at once'
  )
}
