import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attributeName } from '../../../src/model/onnx/attributes.ts'
import { buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT } from '../../../src/model/onnx/data-types.ts'
import type { TensorInfo } from '../../../src/model/onnx/graph.ts'
import { cachePairs, emptyPastShape, type FeedDim, withoutWindowedCaches } from '../../../src/model/onnx/past-key-values.ts'
import { graphOf, info } from '../../support/onnx-model.ts'

const SIZES = { headSize: 64, keyValueHeads: 4 }
const EACH: FeedDim = { perText: 1 }

describe('emptyPastShape', () => {
  const SHAPES: readonly [string, string, TensorInfo['shape'], readonly FeedDim[]][] = [
    ['of known sizes', 'past_key_values.0.key', ['batch_size', 2, 'past_sequence_length', 32], [EACH, 2, 0, 32]],
    ['of a symbolic head size', 'past_key_values.0.key', ['batch_size', 2, 'past_sequence_length', 'kv_cache_dim'], [EACH, 2, 0, 64]],
    ['of symbolic heads', 'past_key_values.0.key', ['batch_size', 'heads', 'past_sequence_length', 32], [EACH, 4, 0, 32]],
    ['of unknown sizes', 'past_key_values.0.key', [null, null, null, null], [EACH, 4, 0, 64]],
    ['of unknown rank', 'past_key_values.0.key', null, [EACH, 4, 0, 64]],
    ['with the length before the heads', 'past_key_values.0.key', ['batch', 'past_sequence_length', 2, 32], [EACH, 0, 2, 32]],
    ["of old BLOOM's keys", 'past_key_values.0.key', ['batch_size x num_heads', 32, 'past_sequence_length'], [{ perText: 4 }, 32, 0]],
    ["of old BLOOM's values", 'past_key_values.0.value', ['batch_size x num_heads', 'past_sequence_length', 32], [{ perText: 4 }, 0, 32]],
    ['of keys and values together', 'past_key_values.0.key_value', ['batch_size', 'past_sequence_length', 128], [EACH, 0, 128]],
    ['of keys and values together of symbolic size', 'past_key_values.0.key_value', ['batch_size', 'past', 'size'], [EACH, 0, 128]],
    ['of old GPT-2', 'past_0', [2, 'batch_size', 12, 'past_seq_len', 64], [2, EACH, 12, 0, 64]]
  ]
  for (const [what, name, shape, expected] of SHAPES) {
    it(`makes an empty cache ${what}`, () => assert.deepEqual(emptyPastShape(info(name, 1, shape), SIZES), expected))
  }

  const REFUSED: readonly [string, TensorInfo['shape'], RegExp][] = [
    ['of two dimensions', ['batch', 'past'], /expected 3 to 5 dimensions/],
    ['of a fixed number of texts', [1, 2, 'past', 32], /a fixed number of texts/],
    ['of a fixed length', ['batch', 2, 16, 32], /a past of fixed length/],
    ['that numbers texts twice', ['batch', 2, 'past', 'batch_2'], /other than the first/],
    ['whose head size is unknown', ['batch', 2, 'past', 'size'], /does not state the size of a head/],
    ['whose number of heads is unknown', ['batch', 'heads', 'past', 32], /does not state the number of key-value heads/]
  ]
  for (const [what, shape, message] of REFUSED) {
    it(`refuses a cache ${what}`, () => {
      const none = { headSize: 0, keyValueHeads: 0 }
      assert.throws(() => emptyPastShape(info('past_key_values.0.key', 1, shape), none), { code: 'model_unsupported', message })
    })
  }
})

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

  it('is null without a past, and when an output is missing', () => {
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

const attention = (attributes: Readonly<Record<string, number>>) => buildNode('GroupQueryAttention', ['q'], ['out'], { attributes })

describe('withoutWindowedCaches', () => {
  it('removes the size of the cache and keeps the window', () => {
    const encoded = new Uint8Array(3)
    const node = { ...attention({ num_heads: 4, sliding_window_cache: 1, local_window_size: 8 }), encoded }
    const [found] = withoutWindowedCaches(graphOf({ nodes: [node] })).nodes
    assert.deepEqual(found?.attributes.map(attributeName), ['num_heads', 'local_window_size'])
    assert.equal(found?.encoded, null)
  })

  it('does not change any other node', () => {
    const nodes = [attention({ num_heads: 4, local_window_size: 8 }), buildNode('Other', ['out'], ['end'], { attributes: { sliding_window_cache: 1 } })]
    const found = withoutWindowedCaches(graphOf({ nodes })).nodes
    nodes.forEach((node, i) => assert.equal(found[i], node))
  })
})
