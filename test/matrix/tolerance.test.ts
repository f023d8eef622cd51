import assert from 'node:assert/strict'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { numericsOf } from '../../src/model/onnx/numerics.ts'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { foldersWithOracle, readOracle } from './oracle.ts'
import { largestDifference, toleranceOf } from './tolerance.ts'

test('the largest difference is taken over all tokens of all texts', () => {
  assert.equal(largestDifference([[-1], [-2, -3]], [[-1], [-2, -3.5]]), 0.5)
})

test('a missing text, a missing token and NaN count as an infinite difference', () => {
  for (const other of [[[-1]], [[-1], [-2]], [[-1], [-2, Number.NaN]]]) assert.equal(largestDifference([[-1], [-2, -3]], other), Number.POSITIVE_INFINITY)
  assert.equal(largestDifference([[-1]], [[-1], [-2]]), Number.POSITIVE_INFINITY)
})

test('only unquantized float32 weights are compared with transformers in float64', () => {
  const judged = ['fp32', 'fp16', 'q4', 'q4f16', 'int4', 'bnb4'].filter((dtype) => toleranceOf({ dtype, file: 'model.onnx' }, 'float32').toFloat64 !== null)
  assert.deepEqual(judged, ['fp32'])
})

test('only 8-bit block activations may differ more from stored scores than from onnxruntime on this processor', () => {
  for (const activations of ['float32', 'float16', 'int8_blocks', 'int8_static', 'int8_rows', 'int8_tensor'] as const) {
    const { toRuntime, toStored } = toleranceOf({ dtype: 'int4', file: 'model.onnx' }, activations)
    assert.deepEqual([toRuntime, toStored], [1e-4, activations === 'int8_blocks' ? 1 : 1e-4], activations)
  }
})

test('exactly one model in test/data has such activations', () => {
  const folder = join(PACKAGE_FOLDER, 'test', 'data', 'models')
  const names = foldersWithOracle(folder).filter((each) => {
    const { refused, files } = readOracle(each)
    return refused === null && files.some(({ file }) => numericsOf(readOnnx(join(each, file))).activations === 'int8_blocks')
  })
  assert.deepEqual(
    names.map((name) => basename(name)),
    ['llama-genai-int4']
  )
})
