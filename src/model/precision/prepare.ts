import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../../errors.ts'
import type { Initializer } from '../onnx/graph.ts'
import { readTensor } from '../onnx/tensor.ts'
import { sourceOfBytes } from '../onnx/wire.ts'
import { FileChangeDetector } from '../weights/file-change-detector.ts'
import { hashNamedFiles } from '../weights/file-hashes.ts'
import type { OpenGraph } from '../weights/open-graph.ts'
import { externalRange } from '../weights/tensor-faults.ts'
import type { EightBitForm } from './eight-bit-form.ts'
import { type PrecisionPlan, planPrecision } from './precision-plan.ts'
import { roundWeights, type StoredRows } from './round-weights.ts'
import { isComplete, precisionKey, writeAtomically } from './rounded-file.ts'
import { ROUNDED_LOCATION, roundedGraph } from './rounded-graph.ts'

/** How to round the weights of a model, and the cache folder for the result. */
export interface PrecisionRequest {
  readonly form: EightBitForm
  readonly folder: string
}

/** A model with 8-bit weights. */
export interface PreparedPrecision {
  readonly opened: OpenGraph
  readonly plan: PrecisionPlan
  /** Identifies the model and its rounding, for other cached files. */
  readonly key: string
  /** Whether the rounded weights came from the cache. */
  readonly wasCached: boolean
}

/** The cached file of a model's rounded weights. */
export interface RoundedFile {
  readonly path: string
  /** Whether the file exists and is complete. */
  readonly isComplete: boolean
}

/**
 * Looks for the rounded weights of a model in the cache; hashes all files of the model. Throws as `planPrecision` does.
 */
export async function findRoundedFile(model: Pick<OpenGraph, 'graph' | 'files'>, { form, folder }: PrecisionRequest): Promise<RoundedFile> {
  const { sizeBytes } = planPrecision(model.graph, form)
  const path = pathOf(folder, precisionKey(await hashNamedFiles(model.files), form))
  return { path, isComplete: isComplete(path, sizeBytes) }
}

/**
 * Gives a model 8-bit weights: from the cache if they are complete there, else by rounding one tensor after the other
 * and caching the result. Services that do so at the same time each write a temporary file; the last rename wins, with
 * the same content.
 *
 * Throws `configuration_invalid` when weights are not float32, `cache_failed` when the file cannot be written, and
 * `model_invalid` when the model changes meanwhile.
 */
export async function withEightBitWeights(opened: OpenGraph, { form, folder }: PrecisionRequest): Promise<PreparedPrecision> {
  const plan = planPrecision(opened.graph, form)
  const changes = new FileChangeDetector(opened.files.map(({ path }) => path))
  const key = precisionKey(await hashNamedFiles(opened.files), form)
  const path = pathOf(folder, key)
  const wasCached = isComplete(path, plan.sizeBytes)
  if (!wasCached) {
    writeAtomically(
      path,
      ({ writeAt }) => {
        for (const { weight, isTransposed, values, scales } of plan.weights.values()) {
          const rounded = withStoredRows(opened, weight, isTransposed, (rows) => roundWeights(rows, form))
          writeAt(values.offset, bytesOf(rounded.values))
          writeAt(scales.offset, bytesOf(rounded.scales))
        }
      },
      () => assertUnchanged(changes)
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

/** The name of the cached file promises the content that was rounded. */
function assertUnchanged(changes: FileChangeDetector): void {
  if (changes.changedFile() !== null)
    throw new ServiceError('model_invalid', 'a model file changed on disk while its weights were rounded: restart the service')
}

/**
 * Runs `use` on the rows of a float32 matrix, which are read from the model's file on demand. Throws `model_invalid`
 * when it ends early.
 */
function withStoredRows<T>(opened: OpenGraph, weight: Initializer, isTransposed: boolean, use: (rows: StoredRows) => T): T {
  const { path, offset } = placeOf(opened, weight)
  const [rowCount = 0, columnCount = 0] = weight.dims
  const descriptor = openSync(path, 'r')
  try {
    return use({
      rowCount,
      columnCount,
      isTransposed,
      rows(from, count) {
        const tile = new Float32Array(count * columnCount)
        fill(descriptor, new Uint8Array(tile.buffer), offset + from * columnCount * 4)
        return tile
      }
    })
  } finally {
    closeSync(descriptor)
  }
}

function placeOf(opened: OpenGraph, { name, location, value }: Initializer): { readonly path: string; readonly offset: number } {
  const isRange = !(value instanceof Uint8Array)
  const path = opened.pathOf(isRange ? null : location)
  if (path === undefined) throw new RangeError(`the tensor ${name} has no known file`)
  return { path, offset: isRange ? value.offset : Number(externalRange(readTensor(sourceOfBytes(value))).offset) }
}

function fill(descriptor: number, bytes: Uint8Array, at: number): void {
  for (let filled = 0; filled < bytes.length; ) {
    const count = readSync(descriptor, bytes, filled, bytes.length - filled, at + filled)
    if (count === 0) throw new ServiceError('model_invalid', 'a model file ended before its weights did: it was truncated while it was read; download it again')
    filled += count
  }
}
