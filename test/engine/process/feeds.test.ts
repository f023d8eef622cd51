import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Tensor } from 'onnxruntime-node'
import { buildFeeds, feedMakers } from '../../../src/engine/process/feeds.ts'
import { BOOL, FLOAT, FLOAT16, INT32, INT64, type TensorInfo } from '../../../src/model/onnx/graph.ts'
import type { RowLimits } from '../../../src/model/onnx/head-rows.ts'
import { SCORING_INPUTS } from '../../../src/model/onnx/scoring-graph.ts'
import { present } from '../../support/present.ts'

const IDS: TensorInfo = { name: 'input_ids', elementType: INT64, shape: ['batch', 'sequence'] }
const MASK: TensorInfo = { name: 'attention_mask', elementType: INT64, shape: ['batch', 'sequence'] }
const POSITIONS: TensorInfo = { name: 'position_ids', elementType: INT64, shape: ['batch', 'sequence'] }
const past = (elementType: number, size: number | string): TensorInfo => ({ name: 'past_key_values.0.key', elementType, shape: ['batch', 4, 'past', size] })

const NO_SIZES = { headSize: 0, keyValueHeads: 0 }

const BATCH = {
  sequences: [
    { ids: Int32Array.of(0, 5, 6, 7), firstScored: 1 },
    { ids: Int32Array.of(0, 8), firstScored: 1 }
  ],
  topCount: null
}

const integers = (tensor: Tensor | undefined): bigint[] => Array.from(present(tensor?.data) as BigInt64Array)

const limitsOf = (maxChunkRows: number, maxProbedRows = 100): RowLimits => ({ maxChunkRows, maxProbedRows })

describe('buildFeeds', () => {
  test('pads on the right, masks the padding, counts positions from 0 and leaves each last token out', () => {
    const { feeds } = buildFeeds(feedMakers([IDS, MASK, POSITIONS], NO_SIZES), BATCH, limitsOf(100))

    assert.deepEqual(feeds.input_ids?.dims, [2, 3])
    assert.deepEqual(integers(feeds.input_ids), [0n, 5n, 6n, 0n, 0n, 0n])
    assert.deepEqual(integers(feeds.attention_mask), [1n, 1n, 1n, 1n, 0n, 0n])
    assert.deepEqual(integers(feeds.position_ids), [0n, 1n, 2n, 0n, 1n, 2n])
  })

  test('asks for the row before each target', () => {
    const { feeds } = buildFeeds(feedMakers([IDS], NO_SIZES), BATCH, limitsOf(100))

    assert.deepEqual(integers(feeds[SCORING_INPUTS.rows]), [0n, 1n, 2n, 3n])
    assert.deepEqual(integers(feeds[SCORING_INPUTS.targets]), [5n, 6n, 7n, 8n])
  })

  test('asks for the row of the last token once more for each of its alternatives, and feeds none of them', () => {
    const [first, second] = BATCH.sequences
    const batch = { sequences: [{ ...first!, lastTokenCandidates: Int32Array.of(9, 10) }, second!], topCount: null }
    const { feeds, plan } = buildFeeds(feedMakers([IDS], NO_SIZES), batch, limitsOf(100))

    assert.deepEqual(integers(feeds.input_ids), [0n, 5n, 6n, 0n, 0n, 0n])
    assert.deepEqual(integers(feeds[SCORING_INPUTS.rows]), [0n, 1n, 2n, 2n, 2n, 3n])
    assert.deepEqual(integers(feeds[SCORING_INPUTS.targets]), [5n, 6n, 7n, 9n, 10n, 8n])
    assert.equal(plan.rowCount, 6)
  })

  test('cuts rows into even chunks within the limit', () => {
    const { feeds, plan } = buildFeeds(feedMakers([IDS], NO_SIZES), BATCH, limitsOf(3))

    assert.deepEqual(plan, { N: 2, C: 2, rowCount: 4, columns: [], probedRows: [] })
    assert.deepEqual(feeds[SCORING_INPUTS.rows]?.dims, [2, 2])
  })

  describe('of probed rows', () => {
    // Nine scored tokens make three chunks of three rows.
    const probing = (positions: readonly number[], maxProbedRows: number) =>
      buildFeeds(
        feedMakers([IDS], NO_SIZES),
        { sequences: [{ ids: Int32Array.from({ length: 10 }, (_, i) => i), firstScored: 1 }], topCount: null, probe: { positions, textVocabSize: 10 } },
        limitsOf(3, maxProbedRows)
      )

    test('gives out the columns of the wanted ones', () => {
      const { feeds, plan } = probing([1, 4, 6], 9)
      assert.deepEqual(
        [plan.columns, plan.probedRows],
        [
          [0, 2],
          [0, 3, 5]
        ]
      )
      assert.deepEqual(integers(feeds[SCORING_INPUTS.probed]), [0n, 2n])
    })

    test('takes fewer columns, and all of their rows, where the wanted ones would be too many', () => {
      const { plan } = probing([2, 4, 6], 5)
      assert.deepEqual([plan.columns, plan.probedRows], [[1], [1, 4, 7]])
    })

    test('takes none where not even one column fits', () => {
      const { feeds, plan } = probing([2, 4, 6], 2)
      assert.deepEqual([plan.columns, plan.probedRows], [[], []])
      assert.deepEqual(feeds[SCORING_INPUTS.probed]?.dims, [0])
    })
  })

  for (const [elementType, type, expected] of [
    [INT64, 'int64', [1n, 1n, 1n, 1n, 0n, 0n]],
    [INT32, 'int32', [1, 1, 1, 1, 0, 0]],
    [FLOAT, 'float32', [1, 1, 1, 1, 0, 0]],
    // The bits of 1 as a half float.
    [FLOAT16, 'float16', [0x3c00, 0x3c00, 0x3c00, 0x3c00, 0, 0]],
    [BOOL, 'bool', [1, 1, 1, 1, 0, 0]]
  ] as const) {
    test(`feeds a mask of ${type}`, () => {
      const { feeds } = buildFeeds(feedMakers([IDS, { ...MASK, elementType }], NO_SIZES), BATCH, limitsOf(100))
      assert.equal(feeds.attention_mask?.type, type)
      assert.deepEqual(Array.from(feeds.attention_mask?.data as ArrayLike<number | bigint>), expected)
    })
  }

  test('feeds ids and positions of 32 bits', () => {
    const { feeds } = buildFeeds(
      feedMakers(
        [
          { ...IDS, elementType: INT32 },
          { ...POSITIONS, elementType: INT32 }
        ],
        NO_SIZES
      ),
      BATCH,
      limitsOf(100)
    )
    assert.deepEqual([feeds.input_ids?.data, feeds.position_ids?.data], [Int32Array.of(0, 5, 6, 0, 0, 0), Int32Array.of(0, 1, 2, 0, 1, 2)])
  })

  test('feeds scalars of 0 and false, and one segment', () => {
    const scalars = [
      { name: 'num_logits_to_keep', elementType: INT64, shape: [] },
      { name: 'use_cache_branch', elementType: BOOL, shape: [1] },
      { name: 'token_type_ids', elementType: INT64, shape: ['b', 's'] }
    ]
    const { feeds } = buildFeeds(feedMakers([IDS, ...scalars], NO_SIZES), BATCH, limitsOf(100))
    assert.deepEqual(
      scalars.map(({ name }) => [feeds[name]?.dims, Array.from(feeds[name]?.data as ArrayLike<number | bigint>, Number)]),
      [
        [[], [0]],
        [[1], [0]],
        [
          [2, 3],
          [0, 0, 0, 0, 0, 0]
        ]
      ]
    )
  })

  test('feeds an empty cache of folded heads', () => {
    const input = { name: 'past_key_values.0.key', elementType: FLOAT, shape: ['batch_size x num_heads', 8, 'past_sequence_length'] }
    const { feeds } = buildFeeds(feedMakers([IDS, input], { headSize: 8, keyValueHeads: 4 }), BATCH, limitsOf(100))
    assert.deepEqual(feeds['past_key_values.0.key']?.dims, [8, 8, 0])
  })

  for (const { name, input, dims, type } of [
    { name: 'a known head size', input: past(FLOAT, 32), dims: [2, 4, 0, 32], type: 'float32' },
    { name: 'a symbolic head size, from the configuration', input: past(FLOAT, 'head'), dims: [2, 4, 0, 64], type: 'float32' },
    { name: 'half precision', input: past(FLOAT16, 32), dims: [2, 4, 0, 32], type: 'float16' }
  ]) {
    test(`feeds an empty cache of ${name}`, () => {
      const { feeds } = buildFeeds(feedMakers([IDS, input], { headSize: 64, keyValueHeads: 0 }), BATCH, limitsOf(100))
      assert.deepEqual([feeds['past_key_values.0.key']?.dims, feeds['past_key_values.0.key']?.type], [dims, type])
    })
  }
})

describe('feedMakers', () => {
  for (const name of ['inputs_embeds', 'past_conv.0']) {
    test(`refuses a graph that wants ${name}, naming it`, () => {
      assert.throws(() => feedMakers([IDS, { name, elementType: FLOAT, shape: [] }], NO_SIZES), { code: 'model_unsupported', message: new RegExp(name) })
    })
  }
})
