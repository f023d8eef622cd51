import { join } from 'node:path'
import { ServiceError } from '../../errors.ts'
import { hashNamedFiles } from '../weights/file-hashes.ts'
import type { OpenGraph } from '../weights/open-graph.ts'
import { WeightsGuard } from '../weights/weights-guard.ts'
import { isWhole, writeWhole } from './cache-file.ts'
import { precisionKey } from './cache-folder.ts'
import type { EightBitForm } from './form.ts'
import { type PrecisionPlan, planPrecision } from './plan.ts'
import { roundWeights } from './round-weights.ts'
import { ROUNDED_LOCATION, roundedGraph } from './rounded-graph.ts'
import { withStoredRows } from './stored-rows.ts'

/** How a model is to be prepared, and where what was prepared is kept. */
export interface PrecisionRequest {
  readonly form: EightBitForm
  readonly folder: string
}

/** A model with 8-bit weights. */
export interface PreparedPrecision {
  readonly opened: OpenGraph
  readonly plan: PrecisionPlan
  /** Names the model and how it was rounded, for what else is kept of it. */
  readonly key: string
  /** Whether an earlier start had rounded the weights. */
  readonly wasCached: boolean
}

/** The file of a model's rounded weights, and whether it is there whole. */
export interface PreparedFile {
  readonly path: string
  readonly isThere: boolean
}

/** Looks for the rounded weights of a model; reads all of its files, for their hashes. Throws `configuration_invalid` as `planPrecision` does. */
export async function preparedFile(model: Pick<OpenGraph, 'graph' | 'files'>, { form, folder }: PrecisionRequest): Promise<PreparedFile> {
  const { sizeBytes } = planPrecision(model.graph, form)
  const path = pathOf(folder, precisionKey(await hashNamedFiles(model.files), form))
  return { path, isThere: isWhole(path, sizeBytes) }
}

/**
 * Gives a model 8-bit weights: from the cache when an earlier start left them there whole, else rounds them, tensor by tensor, and keeps
 * them. Services that do so at once each write a file of their own; the last name stays, with the same content.
 *
 * Throws `configuration_invalid` where weights are not float32, `cache_failed` where nothing can be kept, `model_invalid` when the
 * model changes meanwhile.
 */
export async function withEightBitWeights(opened: OpenGraph, { form, folder }: PrecisionRequest): Promise<PreparedPrecision> {
  const plan = planPrecision(opened.graph, form)
  const guard = new WeightsGuard(opened.files.map(({ path }) => path))
  const key = precisionKey(await hashNamedFiles(opened.files), form)
  const path = pathOf(folder, key)
  const wasCached = isWhole(path, plan.sizeBytes)
  if (!wasCached) {
    writeWhole(
      path,
      ({ writeAt }) => {
        for (const { weight, isTransposed, values, scales } of plan.weights.values()) {
          const rounded = withStoredRows(opened, weight, isTransposed, (rows) => roundWeights(rows, form))
          writeAt(values.offset, bytesOf(rounded.values))
          writeAt(scales.offset, bytesOf(rounded.scales))
        }
      },
      () => assertUnchanged(guard)
    )
  }
  return { opened: opened.withData(roundedGraph(opened.graph, plan), ROUNDED_LOCATION, path), plan, key, wasCached }
}

function pathOf(folder: string, key: string): string {
  return join(folder, `${key}.weights`)
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Its name says which content was rounded. */
function assertUnchanged(guard: WeightsGuard): void {
  if (guard.changedFile() !== null)
    throw new ServiceError('model_invalid', 'a file of the model changed on disk while its weights were rounded: start the service again')
}
