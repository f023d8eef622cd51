import { ServiceError } from '../errors.ts'
import { mebibytes } from '../process/mebibytes.ts'
import { FRONT_BYTES } from './front.ts'
import { type MemoryPrediction, type MemoryQuestion, predictMemory, predictPass } from './predict.ts'

/** The prediction may be 15 % too low, so above this share of the limit there is a warning. */
const WARNING_SHARE = 0.85

export interface Fit {
  readonly prediction: MemoryPrediction
  /** For the operator, although the service starts; null when there is enough memory. */
  readonly warning: string | null
  /** Size of an engine's prefix cache: as configured, or what the limit leaves for it. */
  readonly prefixCacheBytes: number
}

/**
 * Compares the predicted memory with the limit of the container or machine, null for no limit. Throws
 * `model_too_large` and names settings that would fit. If only texts longer than the token budget do not fit, there is
 * a warning instead, and if only the prefix cache does not fit, it becomes smaller.
 */
export function assertFits(question: MemoryQuestion, limitBytes: number | null): Fit {
  const prediction = predictMemory(question)
  const { prefixCacheBytes: configured = 0, replicas = 1 } = question
  if (limitBytes === null) return { prediction, warning: null, prefixCacheBytes: configured }
  const warning = warningOf(question, prediction, limitBytes)
  const room = Math.floor((limitBytes - prediction.totalBytes) / replicas)
  if (room >= configured) return { prediction, warning, prefixCacheBytes: configured }
  const cache = `the prefix cache gets ${mebibytes(room)} instead of ${mebibytes(configured)}, because the limit of ${mebibytes(limitBytes)} leaves no more`
  return { prediction, warning: warning === null ? cache : `${warning}; ${cache}`, prefixCacheBytes: room }
}

function warningOf(question: MemoryQuestion, prediction: MemoryPrediction, limitBytes: number): string | null {
  const { replicas, totalBytes, baseBytes, weightBytes, loadingBytes, longest } = prediction
  const fixed = baseBytes + weightBytes
  const limit = `the limit of ${mebibytes(limitBytes)}`
  if (totalBytes > limitBytes) {
    const parts = `${mebibytes(baseBytes)} for the processes, ${mebibytes(weightBytes)} for weights, ${mebibytes(totalBytes - fixed)} for a forward pass or loading`
    const engines = replicas > 1 ? ` in ${replicas} engine processes` : ''
    const needed = `the model needs ${mebibytes(totalBytes)} of memory${engines} (${parts}), more than ${limit}`
    const fewer = replicas > 1 ? ', use fewer replicas' : ''
    if (fixed + replicas * loadingBytes > limitBytes) {
      throw new ServiceError('model_too_large', `${needed}; the weights alone do not fit: give the service more memory${fewer} or choose a smaller dtype`)
    }
    const tokens = largestBudget(question, limitBytes)
    const budget = tokens === null ? '; no value of --max-batch-tokens makes it fit' : ` or set --max-batch-tokens ${tokens}`
    throw new ServiceError('model_too_large', `${needed}: give the service more memory${fewer}${budget}`)
  }
  if (fixed + replicas * longest.bytes > limitBytes) {
    const room = (limitBytes - fixed) / replicas
    const tokens = halved(longest.shape.tokens, (each) => predictPass(question, { sequences: 2, tokens: each }).bytes <= room)
    const atOnce = replicas > 1 ? ' in every engine process at once' : ''
    return (
      `verifying a text of ${longest.shape.tokens} tokens, the longest that the model takes,${atOnce} needs ` +
      `${mebibytes(fixed + replicas * longest.bytes)} of memory, more than ${limit}: texts of more than ${tokens ?? 0} tokens may ` +
      'crash the engine process; set --max-model-len or raise the limit'
    )
  }
  if (totalBytes <= WARNING_SHARE * limitBytes) return null
  return `the model needs ${mebibytes(totalBytes)} of memory, close to ${limit}: lower --max-batch-tokens or raise the limit`
}

/** Halves the configured token budget until the model fits; null when no budget fits. */
export function largestBudget(question: MemoryQuestion, limitBytes: number): number | null {
  return halved(question.maxBatchTokens, (maxBatchTokens) => predictMemory({ ...question, maxBatchTokens }).totalBytes <= limitBytes)
}

/** The largest of start / 2, start / 4, ... that fits; null when none does. */
function halved(start: number, fits: (value: number) => boolean): number | null {
  for (let value = Math.floor(start / 2); value >= 1; value = Math.floor(value / 2)) if (fits(value)) return value
  return null
}

/**
 * Bytes of several models in one service, with one front process and all models in their largest pass at once.
 * `frontBytes` is the measured memory of the front process, which depends on the tokenizers.
 */
export function bytesTogether(predictions: readonly Pick<MemoryPrediction, 'totalBytes'>[], frontBytes = 0): number {
  const engines = predictions.reduce((bytes, { totalBytes }) => bytes + totalBytes - FRONT_BYTES, 0)
  return engines + Math.max(FRONT_BYTES, frontBytes)
}

/** Throws `model_too_large` when the models of a service do not fit together. Null: no limit. */
export function assertFitTogether(predictions: readonly Pick<MemoryPrediction, 'totalBytes'>[], limitBytes: number | null, frontBytes = 0): void {
  const bytes = bytesTogether(predictions, frontBytes)
  if (limitBytes === null || bytes <= limitBytes) return
  throw new ServiceError(
    'model_too_large',
    `${predictions.length === 1 ? 'the model needs' : `${predictions.length} models need`} ${mebibytes(bytes)} of memory${predictions.length === 1 ? '' : ' together'}, ${mebibytes(Math.max(FRONT_BYTES, frontBytes))} of it in the front process with its tokenizers, more than the limit of ${mebibytes(limitBytes)}: ` +
      'give the service more memory, lower --max-batch-tokens or serve fewer models'
  )
}
