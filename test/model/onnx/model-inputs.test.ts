import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BFLOAT16, BOOL, FLOAT, FLOAT16, INT32, INT64 } from '../../../src/model/onnx/data-types.ts'
import type { TensorInfo } from '../../../src/model/onnx/graph.ts'
import { modelInputs } from '../../../src/model/onnx/model-inputs.ts'
import { info } from '../../support/onnx-model.ts'

const SIZES = { headSize: 8, keyValueHeads: 3 }
const IDS = info('input_ids', INT64, ['batch', 'sequence'])
const rolesOf = (...inputs: TensorInfo[]): string[] => modelInputs([IDS, ...inputs], SIZES).map(({ name, role }) => `${name}: ${role}`)

describe('modelInputs', () => {
  for (const type of [INT64, INT32, FLOAT, FLOAT16, BOOL]) {
    it(`takes an attention mask of element type ${type}`, () => {
      assert.deepEqual(rolesOf(info('attention_mask', type, ['batch', 'total'])), ['input_ids: ids', 'attention_mask: mask'])
    })
  }

  it('takes ids, positions and token types of 32 bits', () => {
    const inputs = ['input_ids', 'position_ids', 'token_type_ids'].map((name) => info(name, INT32, ['b', 's']))
    assert.deepEqual(
      modelInputs(inputs, SIZES).map(({ role, elementType }) => [role, elementType]),
      [
        ['ids', INT32],
        ['positions', INT32],
        ['zeros', INT32]
      ]
    )
  })

  it('feeds scalars that keep all logits and take the branch without past', () => {
    const inputs = [info('num_logits_to_keep', INT64, []), info('logits_to_keep', INT64, [1]), info('use_cache_branch', BOOL, [1])]
    assert.deepEqual(
      modelInputs([IDS, ...inputs], SIZES)
        .slice(1)
        .map(({ role, dims }) => [role, dims]),
      [
        ['zeros', []],
        ['zeros', [1]],
        ['zeros', [1]]
      ]
    )
  })

  const PAST_NAMES = ['past_key_values.0.key', 'past.1.value', 'past_key_values.3.key_value', 'past_key_0', 'past_value_12', 'past_key_values_key_cache_4']
  for (const name of PAST_NAMES) {
    it(`recognises ${name} as a past`, () => assert.deepEqual(rolesOf(info(name, FLOAT16, ['b', 2, 'past', 4])), ['input_ids: ids', `${name}: past`]))
  }

  const REFUSED: readonly [string, TensorInfo, RegExp][] = [
    ['embeddings', info('inputs_embeds', FLOAT), /inputs_embeds, which takes embeddings instead of token ids.*--task text-generation/],
    ['the states of an encoder', info('encoder_hidden_states', FLOAT), /belongs to an encoder-decoder/],
    ['the mask of an encoder', info('encoder_attention_mask', INT64), /belongs to an encoder-decoder/],
    ['the past of an encoder', info('past_key_values.0.encoder.key', FLOAT), /belongs to an encoder-decoder/],
    ['a convolution state', info('past_conv.0', FLOAT), /state of a recurrent or convolution layer/],
    ["the builder's convolution state", info('past.3.conv', FLOAT), /state of a recurrent or convolution layer/],
    ['a recurrent state', info('past_recurrent.0', FLOAT), /state of a recurrent or convolution layer/],
    ['a state-space state', info('past_ssm.2', FLOAT), /state of a recurrent or convolution layer/],
    ['a cache of positions', info('cache_position', INT64), /state of a recurrent or convolution layer/],
    ['an image', info('pixel_values', FLOAT), /another modality/],
    ['sound', info('input_features', FLOAT), /another modality/],
    ['the tables of paged attention', info('block_table', INT32), /belongs to paged attention/],
    ['the slots of paged attention', info('slot_mapping', INT64), /belongs to paged attention/],
    ['the scales of a quantized cache', info('past_key_values.0.key_scale', FLOAT), /quantized KV cache/],
    ['labels', info('labels', INT64), /training graph/],
    ['lengths of a runtime of fixed shapes', info('past_seq_len', INT32), /fixed shapes/],
    ['any other input', info('temperature', FLOAT, [1]), /an input named temperature \[1\], which logpr cannot feed; it can feed input_ids/],
    ['a cache in bfloat16', info('past_key_values.0.key', BFLOAT16, ['b', 1, 'p', 2]), /bfloat16.*export the model in fp32 or fp16/],
    ['ids in floats', info('position_ids', FLOAT, ['b', 's']), /position_ids has element type float32, expected int64 or int32: export/],
    ['a fixed length', info('attention_mask', INT64, ['batch', 128]), /attention_mask has shape \[batch, 128\], which fixes/],
    ['a mask of four dimensions', info('attention_mask', INT64, ['b', 1, 's', 's']), /expected \[batch, sequence\]/]
  ]
  for (const [what, input, message] of REFUSED) {
    it(`refuses ${what} with the reason`, () => assert.throws(() => rolesOf(input), { name: 'ServiceError', code: 'model_unsupported', message }))
  }

  it('refuses a graph without input_ids, naming what it has', () => {
    assert.throws(() => modelInputs([info('attention_mask', INT64, ['b', 's'])], SIZES), {
      code: 'model_unsupported',
      message: /has no input input_ids; it has attention_mask:/
    })
  })
})
