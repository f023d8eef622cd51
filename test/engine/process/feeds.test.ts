import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Batch } from '../../../src/engine/engine.ts'
import { feedMakers, passFeeds } from '../../../src/engine/process/feeds.ts'
import type { Tensor } from '../../../src/engine/process/onnxruntime.ts'
import { plainPass } from '../../../src/engine/process/pass.ts'
import { BOOL, FLOAT, FLOAT16, INT32, INT64 } from '../../../src/model/onnx/data-types.ts'
import type { TensorInfo } from '../../../src/model/onnx/graph.ts'
import type { RowLimits } from '../../../src/model/onnx/head-rows.ts'
import type { HeadSizes } from '../../../src/model/onnx/past-key-values.ts'
import { SCORING_INPUTS } from '../../../src/model/onnx/scoring-graph.ts'
import { present } from '../../support/present.ts'

const IDS: TensorInfo = { name: 'input_ids', elementType: INT64, shape: ['batch', 'sequence'] }
const MASK: TensorInfo = { name: 'attention_mask', elementType: INT64, shape: ['batch', 'sequence'] }
const POSITIONS: TensorInfo = { name: 'position_ids', elementType: INT64, shape: ['batch', 'sequence'] }
const past = (elementType: number, size: number | string): TensorInfo => ({ name: 'past_key_values.0.key', elementType, shape: ['batch', 4, 'past', size] })

const NO_SIZES: HeadSizes = { headSize: 0, keyValueHeads: 0 }

const BATCH: Batch = {
  sequences: [
    { ids: Int32Array.of(0, 5, 6, 7), firstScored: 1 },
    { ids: Int32Array.of(0, 8), firstScored: 1 }
  ],
  topCount: null
}

const integers = (tensor: Tensor | undefined): bigint[] => Array.from(present(tensor?.data) as BigInt64Array)

const LIMITS: RowLimits = { maxChunkRows: 100, maxProbedRows: 100 }

/** Feeds of the plain pass over a batch, for a graph with these inputs. */
function plainFeeds(inputs: readonly TensorInfo[], { batch = BATCH, limits = LIMITS, sizes = NO_SIZES }: PlainFeedsParts = {}) {
  return passFeeds(feedMakers(inputs, sizes), plainPass(batch.sequences), batch, limits)
}

interface PlainFeedsParts {
  readonly batch?: Batch
  readonly limits?: RowLimits
  readonly sizes?: HeadSizes
}

describe('passFeeds of a plain pass', () => {
  test('pads on the right, masks the padding, counts positions from 0 and does not feed the last tokens', () => {
    const { feeds } = plainFeeds([IDS, MASK, POSITIONS])

    assert.deepEqual(feeds.input_ids?.dims, [2, 3])
    assert.deepEqual(integers(feeds.input_ids), [0n, 5n, 6n, 0n, 0n, 0n])
    assert.deepEqual(integers(feeds.attention_mask), [1n, 1n, 1n, 1n, 0n, 0n])
    assert.deepEqual(integers(feeds.position_ids), [0n, 1n, 2n, 0n, 1n, 2n])
  })

  test('requests the row before each target', () => {
    const { feeds } = plainFeeds([IDS])

    assert.deepEqual(integers(feeds[SCORING_INPUTS.rows]), [0n, 1n, 2n, 3n])
    assert.deepEqual(integers(feeds[SCORING_INPUTS.targets]), [5n, 6n, 7n, 8n])
  })

  test('requests the row of the last token once more for each of its candidates, and feeds no candidate', () => {
    const [first, second] = BATCH.sequences
    const batch = { sequences: [{ ...first!, lastTokenCandidates: Int32Array.of(9, 10) }, second!], topCount: null }
    const { feeds, plan } = plainFeeds([IDS], { batch })

    assert.deepEqual(integers(feeds.input_ids), [0n, 5n, 6n, 0n, 0n, 0n])
    assert.deepEqual(integers(feeds[SCORING_INPUTS.rows]), [0n, 1n, 2n, 2n, 2n, 3n])
    assert.deepEqual(integers(feeds[SCORING_INPUTS.targets]), [5n, 6n, 7n, 9n, 10n, 8n])
    assert.equal(plan.rowCount, 6)
  })

  test('divides rows into even chunks within the limit', () => {
    const { feeds, plan } = plainFeeds([IDS], { limits: { ...LIMITS, maxChunkRows: 3 } })

    assert.deepEqual(plan, { N: 2, C: 2, rowCount: 4, columns: [], probedRows: [] })
    assert.deepEqual(feeds[SCORING_INPUTS.rows]?.dims, [2, 2])
  })

  describe('for probed rows', () => {
    // Nine scored tokens make three chunks of three rows.
    const sequences = [{ ids: Int32Array.from({ length: 10 }, (_, i) => i), firstScored: 1 }]
    const probing = (positions: readonly number[], maxProbedRows: number) =>
      plainFeeds([IDS], { batch: { sequences, topCount: null, probe: { positions, textVocabSize: 10 } }, limits: { maxChunkRows: 3, maxProbedRows } })

    test('outputs the columns of the requested rows', () => {
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

    test('outputs fewer columns, with all of their rows, where the requested ones exceed the limit', () => {
      const { plan } = probing([2, 4, 6], 5)
      assert.deepEqual([plan.columns, plan.probedRows], [[1], [1, 4, 7]])
    })

    test('outputs no column where not even one fits', () => {
      const { feeds, plan } = probing([2, 4, 6], 2)
      assert.deepEqual([plan.columns, plan.probedRows], [[], []])
      assert.deepEqual(feeds[SCORING_INPUTS.probed]?.dims, [0])
    })
  })

  for (const [elementType, type, expected] of [
    [INT64, 'int64', [1n, 1n, 1n, 1n, 0n, 0n]],
    [INT32, 'int32', [1, 1, 1, 1, 0, 0]],
    [FLOAT, 'float32', [1, 1, 1, 1, 0, 0]],
    // The bits of 1 in half precision.
    [FLOAT16, 'float16', [0x3c00, 0x3c00, 0x3c00, 0x3c00, 0, 0]],
    [BOOL, 'bool', [1, 1, 1, 1, 0, 0]]
  ] as const) {
    test(`feeds a mask of ${type}`, () => {
      const { feeds } = plainFeeds([IDS, { ...MASK, elementType }])
      assert.equal(feeds.attention_mask?.type, type)
      assert.deepEqual(Array.from(feeds.attention_mask?.data as ArrayLike<number | bigint>), expected)
    })
  }

  test('feeds 32-bit ids and positions', () => {
    const { feeds } = plainFeeds([
      { ...IDS, elementType: INT32 },
      { ...POSITIONS, elementType: INT32 }
    ])
    assert.deepEqual([feeds.input_ids?.data, feeds.position_ids?.data], [Int32Array.of(0, 5, 6, 0, 0, 0), Int32Array.of(0, 1, 2, 0, 1, 2)])
  })

  test('feeds scalars of 0 and false, and segment 0', () => {
    const scalars = [
      { name: 'num_logits_to_keep', elementType: INT64, shape: [] },
      { name: 'use_cache_branch', elementType: BOOL, shape: [1] },
      { name: 'token_type_ids', elementType: INT64, shape: ['b', 's'] }
    ]
    const { feeds } = plainFeeds([IDS, ...scalars])
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

  test('feeds an empty cache whose heads are folded into the batch', () => {
    const input = { name: 'past_key_values.0.key', elementType: FLOAT, shape: ['batch_size x num_heads', 8, 'past_sequence_length'] }
    const { feeds } = plainFeeds([IDS, input], { sizes: { headSize: 8, keyValueHeads: 4 } })
    assert.deepEqual(feeds['past_key_values.0.key']?.dims, [8, 8, 0])
  })

  for (const { name, input, dims, type } of [
    { name: 'a known head size', input: past(FLOAT, 32), dims: [2, 4, 0, 32], type: 'float32' },
    { name: 'a symbolic head size, from the configuration', input: past(FLOAT, 'head'), dims: [2, 4, 0, 64], type: 'float32' },
    { name: 'half precision', input: past(FLOAT16, 32), dims: [2, 4, 0, 32], type: 'float16' }
  ]) {
    test(`feeds an empty cache with ${name}`, () => {
      const { feeds } = plainFeeds([IDS, input], { sizes: { headSize: 64, keyValueHeads: 0 } })
      assert.deepEqual([feeds['past_key_values.0.key']?.dims, feeds['past_key_values.0.key']?.type], [dims, type])
    })
  }
})

describe('feedMakers', () => {
  for (const name of ['inputs_embeds', 'past_conv.0']) {
    test(`rejects a graph with the input ${name} by name`, () => {
      assert.throws(() => feedMakers([IDS, { name, elementType: FLOAT, shape: [] }], NO_SIZES), { code: 'model_unsupported', message: new RegExp(name) })
    })
  }
})
