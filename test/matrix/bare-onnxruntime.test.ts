import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { numericsOf } from '../../src/model/onnx/numerics.ts'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { bareLogProbs } from './bare-onnxruntime.ts'
import { foldersWithOracle, readOracle } from './oracle.ts'
import { largestDifference, toleranceOf } from './tolerance.ts'

const MODELS = join(PACKAGE_FOLDER, 'test', 'data', 'models')

// The stored scores were computed in Python, so this detects a wrong feed here and another version of onnxruntime.
describe('bareLogProbs', () => {
  for (const folder of foldersWithOracle(MODELS)) {
    const { name, refused, texts, files } = readOracle(folder)
    if (refused !== null) continue
    for (const file of files)
      test(`reproduces the scores stored with ${name}, ${file.dtype}`, async () => {
        const path = join(folder, file.file)
        const { activations } = numericsOf(readOnnx(path))
        const found = await bareLogProbs(path, texts, 0)
        assert.ok(largestDifference(found, file.onnxruntime ?? []) <= toleranceOf(file, activations).toStored)
      })
  }

  test('exceeds every limit when two tokens are swapped', async () => {
    const folder = join(MODELS, 'llama-genai-int4')
    const { texts, files } = readOracle(folder)
    const exchanged = texts.filter(({ length }) => length > 10).map(([first, a, b, ...rest]) => [first!, b!, a!, ...rest])
    const stored = (files[0]!.onnxruntime ?? []).filter(({ length }) => length > 9).map((text) => text.slice(2))
    const found = (await bareLogProbs(join(folder, 'model.onnx'), exchanged, 0)).map((text) => text.slice(2))
    // Measured 3.9 nats.
    assert.ok(largestDifference(found, stored) > 2 * toleranceOf({ dtype: 'int4', file: 'model.onnx' }, 'int8_blocks').toStored)
  })
})
