import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type CacheTensor,
  cacheTensorOf,
  elementsOf,
  emptyColumns,
  joinColumns,
  pastDims,
  rangesOf
} from '../../../../src/engine/process/prefix-cache/cache-tensor.ts'
import { FLOAT, FLOAT16, INT64 } from '../../../../src/model/onnx/data-types.ts'
import { modelInputs } from '../../../../src/model/onnx/model-inputs.ts'
import { info } from '../../../support/onnx-model.ts'

const TENSOR: CacheTensor = { past: 'past.0.key', heads: 2, size: 2, elementBytes: 4 }

const past = (name: string, elementType: number, shape: (number | string)[]) =>
  modelInputs([info('input_ids', INT64, ['batch_size', 'sequence_length']), info(name, elementType, shape)], { headSize: 4, keyValueHeads: 2 })[1]!

describe('joinColumns', () => {
  test('joins column ranges of several arrays in every head', () => {
    const wide = Float32Array.from([1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16])
    const narrow = Float32Array.from([7, 8, 17, 18])
    const ranges = [
      { source: wide, column: 1, count: 2 },
      { source: narrow, column: 0, count: 1 }
    ]
    const joined = joinColumns(TENSOR, ranges, emptyColumns(TENSOR, 3))
    assert.deepEqual([...joined], [3, 4, 5, 6, 7, 8, 13, 14, 15, 16, 17, 18])
  })

  test('rejects columns after the last, which would be read from the next head', () => {
    const source = new Float32Array(8)
    assert.throws(() => joinColumns(TENSOR, [{ source, column: 1, count: 2 }], emptyColumns(TENSOR, 2)), { code: 'internal_error' })
    assert.throws(() => joinColumns(TENSOR, [{ source: new Float32Array(7), column: 0, count: 1 }], emptyColumns(TENSOR, 1)), { code: 'internal_error' })
  })
})

describe('elementsOf', () => {
  test('reads two-byte elements as bits from any array type', () => {
    const bytes = Uint8Array.from([0, 0, 0x00, 0x3c, 0xff, 0xff])
    const halves = new Int16Array(bytes.buffer, 2, 2)
    assert.deepEqual(elementsOf({ ...TENSOR, elementBytes: 2 }, halves), Uint16Array.of(0x3c00, 0xffff))
  })

  test('rejects elements of another size', () => {
    for (const data of [new Float64Array(4), new Uint16Array(4), new Int32Array(4), undefined])
      assert.throws(() => elementsOf(TENSOR, data), { code: 'internal_error', message: /expected 4-byte floats for past\.0\.key/ })
  })
})

describe('rangesOf', () => {
  test('groups neighbours and keeps the order of the tokens', () => {
    assert.deepEqual(rangesOf(Int32Array.of(3, 4, 5, 9, 2, 3)), [
      { column: 3, count: 3 },
      { column: 9, count: 1 },
      { column: 2, count: 2 }
    ])
    assert.deepEqual(rangesOf(new Int32Array(0)), [])
  })
})

describe('cacheTensorOf', () => {
  test('takes heads and size from the dimensions around the length', () => {
    assert.deepEqual(cacheTensorOf(past('past_key_values.0.key', FLOAT, ['batch_size', 3, 'past_sequence_length', 8])), {
      past: 'past_key_values.0.key',
      heads: 3,
      size: 8,
      elementBytes: 4
    })
  })

  test('describes keys whose length comes last as heads of size 1', () => {
    const { heads, size, elementBytes } = cacheTensorOf(past('past_key_values.0.key', FLOAT16, ['batch_size x num_heads', 4, 'past_sequence_length']))
    assert.deepEqual({ heads, size, elementBytes }, { heads: 8, size: 1, elementBytes: 2 })
  })

  test('describes a tensor that holds both keys and values', () => {
    const { heads, size } = cacheTensorOf(past('past_0', FLOAT, [2, 'batch_size', 3, 'past_sequence_length', 8]))
    assert.deepEqual({ heads, size }, { heads: 6, size: 8 })
  })

  test('rejects an input that is not a past', () => {
    const [ids] = modelInputs([info('input_ids', INT64, ['batch_size', 'sequence_length'])], { headSize: 4, keyValueHeads: 2 })
    assert.throws(() => cacheTensorOf(ids!), { code: 'model_unsupported', message: /input_ids cannot be stored/ })
  })
})

test('pastDims puts the length in place of the dimension that is 0', () => {
  const { dims } = past('past_0', FLOAT, [2, 'batch_size', 3, 'past_sequence_length', 8])
  assert.deepEqual(pastDims(dims!, 5), [2, 1, 3, 5, 8])
})
