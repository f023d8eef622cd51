import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TensorInfo } from '../../../src/model/onnx/graph.ts'
import { emptyPastShape, type FeedDim } from '../../../src/model/onnx/past-key-values.ts'
import { info } from '../../support/onnx-model.ts'

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
    ['of a head size that nothing says', ['batch', 2, 'past', 'size'], /says nothing of the size of a head/],
    ['of heads that nothing says', ['batch', 'heads', 'past', 32], /says nothing of the number of key-value heads/]
  ]
  for (const [what, shape, message] of REFUSED) {
    it(`refuses a cache ${what}`, () => {
      const none = { headSize: 0, keyValueHeads: 0 }
      assert.throws(() => emptyPastShape(info('past_key_values.0.key', 1, shape), none), { code: 'model_unsupported', message })
    })
  }
})
