import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FLOAT, type TensorInfo } from '../../../src/model/onnx/graph.ts'
import { cachePairs } from '../../../src/model/onnx/past-key-values.ts'
import { graphOf, info } from '../../support/onnx-model.ts'

const SHAPE = ['batch', 4, 'past_sequence_length', 16]

function pairsOf(pasts: readonly string[], presents: readonly string[], shape: TensorInfo['shape'] = SHAPE): ReturnType<typeof cachePairs> {
  return cachePairs(
    graphOf({ inputs: [info('input_ids'), ...pasts.map((name) => info(name, FLOAT, shape))], outputs: ['logits', ...presents].map((name) => info(name)) })
  )
}

describe('cachePairs', () => {
  it('matches by name, whatever the order', () => {
    assert.deepEqual(pairsOf(['past_key_values.0.key', 'past_key_values.0.value'], ['present.0.value', 'present.0.key']), [
      { past: 'past_key_values.0.key', present: 'present.0.key' },
      { past: 'past_key_values.0.value', present: 'present.0.value' }
    ])
    assert.deepEqual(pairsOf(['past_0'], ['present_0']), [{ past: 'past_0', present: 'present_0' }])
  })

  it('is null without a past, and where an output is missing', () => {
    assert.equal(pairsOf([], ['present.0.key']), null)
    assert.equal(pairsOf(['past_key_values.0.key', 'past_key_values.0.value'], ['present.0.key']), null)
  })

  const OTHER_FORMS: readonly (readonly [string, TensorInfo['shape']])[] = [
    ['heads folded into the batch', ['batch_x_heads', 'past_sequence_length', 16]],
    ['keys and values together', [2, 'batch', 4, 'past_sequence_length', 16]],
    ['the length last', ['batch', 4, 16, 'past_sequence_length']],
    ['the length last by name alone', ['batch', 4, null, 'past_sequence_length']],
    ['a fixed length', ['batch', 4, 128, 16]],
    ['an unknown rank', null]
  ]
  for (const [name, shape] of OTHER_FORMS)
    it(`is null for ${name}`, () => {
      assert.equal(pairsOf(['past_key_values.0.key'], ['present.0.key'], shape), null)
    })
})
