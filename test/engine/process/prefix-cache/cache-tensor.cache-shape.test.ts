import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cacheTensorOf, pastDims } from '../../../../src/engine/process/prefix-cache/cache-tensor.ts'
import { FLOAT, FLOAT16, INT64 } from '../../../../src/model/onnx/graph.ts'
import { modelInputs } from '../../../../src/model/onnx/model-inputs.ts'
import { info } from '../../../support/onnx-model.ts'

const past = (name: string, elementType: number, shape: (number | string)[]) =>
  modelInputs([info('input_ids', INT64, ['batch_size', 'sequence_length']), info(name, elementType, shape)], { headSize: 4, keyValueHeads: 2 })[1]!

describe('cacheTensorOf', () => {
  test('takes heads and size from around the length', () => {
    assert.deepEqual(cacheTensorOf(past('past_key_values.0.key', FLOAT, ['batch_size', 3, 'past_sequence_length', 8])), {
      past: 'past_key_values.0.key',
      heads: 3,
      size: 8,
      elementBytes: 4
    })
  })

  test('takes keys whose length comes last as single elements of many heads', () => {
    const { heads, size, elementBytes } = cacheTensorOf(past('past_key_values.0.key', FLOAT16, ['batch_size x num_heads', 4, 'past_sequence_length']))
    assert.deepEqual({ heads, size, elementBytes }, { heads: 8, size: 1, elementBytes: 2 })
  })

  test('takes keys and values together', () => {
    const { heads, size } = cacheTensorOf(past('past_0', FLOAT, [2, 'batch_size', 3, 'past_sequence_length', 8]))
    assert.deepEqual({ heads, size }, { heads: 6, size: 8 })
  })

  test('refuses what is no past', () => {
    const [ids] = modelInputs([info('input_ids', INT64, ['batch_size', 'sequence_length'])], { headSize: 4, keyValueHeads: 2 })
    assert.throws(() => cacheTensorOf(ids!), { code: 'model_unsupported', message: /input_ids cannot be kept/ })
  })
})

test('pastDims puts the length where it belongs', () => {
  const { dims } = past('past_0', FLOAT, [2, 'batch_size', 3, 'past_sequence_length', 8])
  assert.deepEqual(pastDims(dims!, 5), [2, 1, 3, 5, 8])
})
