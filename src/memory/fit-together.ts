import { ServiceError } from '../errors.ts'
import { mebibytes } from '../process/mebibytes.ts'
import { FRONT_BYTES, type MemoryPrediction } from './predict.ts'

/** What each further tokenizer adds to the front process: 40 to 52 MiB with the embedded model's (docs/operations.md). */
const TOKENIZER_BYTES = 45 * (1 << 20)

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
