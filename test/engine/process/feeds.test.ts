import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Tensor } from 'onnxruntime-node'
import { buildFeeds, feedMakers } from '../../../src/engine/process/feeds.ts'
import { FLOAT, FLOAT16, INT64, type TensorInfo } from '../../../src/model/onnx/graph.ts'
import { SCORING_INPUTS } from '../../../src/model/onnx/scoring-graph.ts'

const IDS: TensorInfo = { name: 'input_ids', elementType: INT64, shape: ['batch', 'sequence'] }
const MASK: TensorInfo = { name: 'attention_mask', elementType: INT64, shape: ['batch', 'sequence'] }
const POSITIONS: TensorInfo = { name: 'position_ids', elementType: INT64, shape: ['batch', 'sequence'] }
const past = (elementType: number, size: number | string): TensorInfo => ({ name: 'past_key_values.0.key', elementType, shape: ['batch', 4, 'past', size] })

const BATCH = {
  sequences: [
    { ids: Int32Array.of(0, 5, 6, 7), firstScored: 1 },
    { ids: Int32Array.of(0, 8), firstScored: 1 }
  ],
  topCount: null
}

const integers = (tensor: Tensor | undefined): bigint[] => Array.from((tensor?.data ?? []) as BigInt64Array)

describe('buildFeeds', () => {
  test('pads on the right, masks the padding, counts positions from 0 and leaves each last token out', () => {
    const { feeds } = buildFeeds(feedMakers([IDS, MASK, POSITIONS], 0), BATCH, 100)

    assert.deepEqual(feeds.input_ids?.dims, [2, 3])
    assert.deepEqual(integers(feeds.input_ids), [0n, 5n, 6n, 0n, 0n, 0n])
    assert.deepEqual(integers(feeds.attention_mask), [1n, 1n, 1n, 1n, 0n, 0n])
    assert.deepEqual(integers(feeds.position_ids), [0n, 1n, 2n, 0n, 1n, 2n])
  })

  test('asks for the row before each target', () => {
    const { feeds } = buildFeeds(feedMakers([IDS], 0), BATCH, 100)

    assert.deepEqual(integers(feeds[SCORING_INPUTS.rows]), [0n, 1n, 2n, 3n])
    assert.deepEqual(integers(feeds[SCORING_INPUTS.targets]), [5n, 6n, 7n, 8n])
  })

  test('cuts rows into even chunks within the limit', () => {
    const { feeds, plan } = buildFeeds(feedMakers([IDS], 0), BATCH, 3)

    assert.deepEqual(plan, { N: 2, C: 2, rowCount: 4, columns: [] })
    assert.deepEqual(feeds[SCORING_INPUTS.rows]?.dims, [2, 2])
  })

  for (const { name, input, dims, type } of [
    { name: 'a known head size', input: past(FLOAT, 32), dims: [2, 4, 0, 32], type: 'float32' },
    { name: 'a symbolic head size, from the configuration', input: past(FLOAT, 'head'), dims: [2, 4, 0, 64], type: 'float32' },
    { name: 'half precision', input: past(FLOAT16, 32), dims: [2, 4, 0, 32], type: 'float16' }
  ]) {
    test(`feeds an empty cache of ${name}`, () => {
      const { feeds } = buildFeeds(feedMakers([IDS, input], 64), BATCH, 100)
      assert.deepEqual([feeds['past_key_values.0.key']?.dims, feeds['past_key_values.0.key']?.type], [dims, type])
    })
  }
})

describe('feedMakers', () => {
  for (const name of ['inputs_embeds', 'past_conv.0', 'use_cache_branch']) {
    test(`refuses a graph that wants ${name}, naming it`, () => {
      assert.throws(() => feedMakers([IDS, { name, elementType: FLOAT, shape: [] }], 0), { code: 'model_unsupported', message: new RegExp(name) })
    })
  }
})
