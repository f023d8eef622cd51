import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { numericsOf } from '../../src/model/onnx/numerics.ts'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { bareLogProbs } from './bare-onnxruntime.ts'
import { foldersWithOracle, readOracle } from './oracle.ts'
import { largestDifference, toleranceOf } from './tolerance.ts'

// The stored numbers came from Python, so that a wrong feed here, or another version of onnxruntime, shows.
describe('bareLogProbs', () => {
  for (const folder of foldersWithOracle(join(PACKAGE_FOLDER, 'test', 'data', 'models'))) {
    const { name, refused, texts, files } = readOracle(folder)
    if (refused !== null) continue
    for (const file of files)
      test(`has the numbers that are stored with ${name}, ${file.dtype}`, async () => {
        const path = join(folder, file.file)
        const { activations } = numericsOf(readOnnx(path))
        const found = await bareLogProbs(path, texts, 0)
        assert.ok(largestDifference(found, file.onnxruntime ?? []) <= toleranceOf(file, activations).toStored)
      })
  }
})
