import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../../errors.ts'
import type { Initializer } from '../onnx/graph.ts'
import { sourceOfBytes } from '../onnx/wire.ts'
import { FileChangeDetector } from '../weights/file-change-detector.ts'
import { hashNamedFiles } from '../weights/file-hashes.ts'
import type { OpenGraph } from '../weights/open-graph.ts'
import { readTensor } from '../weights/stored-tensors.ts'
import { externalRange } from '../weights/tensor-faults.ts'
import type { EightBitForm } from './eight-bit-form.ts'
import { type PrecisionPlan, planPrecision } from './precision-plan.ts'
import { roundWeights, type StoredRows } from './round-weights.ts'
import { isWhole, precisionKey, writeWhole } from './rounded-file.ts'
import { ROUNDED_LOCATION, roundedGraph } from './rounded-graph.ts'

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
  const guard = new FileChangeDetector(opened.files.map(({ path }) => path))
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
function assertUnchanged(guard: FileChangeDetector): void {
  if (guard.changedFile() !== null)
    throw new ServiceError('model_invalid', 'a file of the model changed on disk while its weights were rounded: start the service again')
}

/** Runs `use` on the rows of a float32 matrix, which are read from the model's files as they are asked for. Throws `model_invalid` when the file ends early. */
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
  if (path === undefined) throw new RangeError(`no file is known for the tensor ${name}`)
  return { path, offset: isRange ? value.offset : Number(externalRange(readTensor(sourceOfBytes(value), null)).offset) }
}

function fill(descriptor: number, bytes: Uint8Array, at: number): void {
  for (let filled = 0; filled < bytes.length; ) {
    const count = readSync(descriptor, bytes, filled, bytes.length - filled, at + filled)
    if (count === 0) throw new ServiceError('model_invalid', 'a file of the model ends before its weights do: it was cut off while it was read')
    filled += count
  }
}
