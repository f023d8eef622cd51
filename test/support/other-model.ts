import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { bytesOf, editWeights, floatsOf, middleMatrix } from '../faults/weights/edit-weights.ts'

export const EMBEDDED_MODEL = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/** Writes a valid model folder with the embedded model's tokenizer and different weights. */
export function writeOtherModel(folder: string): void {
  editWeights(EMBEDDED_MODEL, folder, (weights) => {
    const matrix = middleMatrix(weights)
    matrix.write(bytesOf(floatsOf(matrix.read() as Uint8Array<ArrayBuffer>).map((weight) => weight * 1.25)))
  })
}
