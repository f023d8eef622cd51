import { closeSync, openSync, readSync } from 'node:fs'
import { ServiceError } from '../../errors.ts'
import type { Initializer } from '../onnx/graph.ts'
import { sourceOfBytes } from '../onnx/wire.ts'
import type { OpenGraph } from '../weights/open-graph.ts'
import { readTensor } from '../weights/stored-tensors.ts'
import { externalRange } from '../weights/tensor-faults.ts'
import type { StoredRows } from './round-weights.ts'

/** Runs `use` on the rows of a float32 matrix, which are read from the model's files as they are asked for. Throws `model_invalid` when the file ends early. */
export function withStoredRows<T>(opened: OpenGraph, weight: Initializer, isTransposed: boolean, use: (rows: StoredRows) => T): T {
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
