import { closeSync, copyFileSync, openSync, readSync, realpathSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { openModelFolder } from '../../../src/model/folder/model-folder.ts'
import { FLOAT } from '../../../src/model/onnx/data-types.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { copySideFiles } from '../graph/write-mutated-model.ts'

/** A float32 weight of the model file. Its bytes are a copy until `write`. */
export interface Weight {
  readonly name: string
  readonly dims: readonly number[]
  read(): Uint8Array<ArrayBuffer>
  /** Overwrites the weight with bytes of the same length. */
  write(bytes: Uint8Array): void
}

/**
 * Copies a model folder without canary.json and changes its float32 weights, which must be in the model file itself.
 */
export function editWeights(sourceFolder: string, targetFolder: string, edit: (weights: readonly Weight[]) => void): void {
  const path = copyModel(sourceFolder, targetFolder)
  const file = openSync(path, 'r+')
  try {
    const weights = readOnnx(path).initializers.flatMap(({ name, dims, dataType, location, value }): Weight[] => {
      if (dataType !== FLOAT || location !== basename(path) || value instanceof Uint8Array) return []
      return [
        {
          name,
          dims,
          read() {
            const bytes = new Uint8Array(value.length)
            readSync(file, bytes, 0, value.length, value.offset)
            return bytes
          },
          write(bytes) {
            if (bytes.length !== value.length) throw new Error(`${name} has ${value.length} bytes, not ${bytes.length}`)
            writeSync(file, bytes, 0, value.length, value.offset)
          }
        }
      ]
    })
    if (weights.length === 0) throw new Error(`${basename(path)} contains no float32 weights`)
    edit(weights)
  } finally {
    closeSync(file)
  }
}

/** Copies the config and tokenizer files and the model file. Returns the path of the copied model file. */
export function copyModel(sourceFolder: string, targetFolder: string): string {
  copySideFiles(sourceFolder, targetFolder, {})
  const target = join(targetFolder, 'model.onnx')
  copyFileSync(realpathSync(openModelFolder(sourceFolder).onnxPath), target)
  return target
}

/** The matrix in the middle of the model, equally far from input and output. */
export function middleMatrix(weights: readonly Weight[]): Weight {
  const matrices = weights.filter(({ dims }) => dims.length === 2)
  return matrices[Math.floor(matrices.length / 2)]!
}

export function floatsOf(bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return new Float32Array(bytes.buffer)
}

export function bytesOf(floats: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(floats.buffer)
}
