import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EncodedItem } from '../../src/encoding/encoded-item.ts'
import type { EncodingContext } from '../../src/encoding/encoding-context.ts'
import type { LogprobItem, LogprobOptions } from '../../src/encoding/logprob-item.ts'
import { rowChecksums } from '../../src/engine/checksum.ts'
import type { RowScores } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import { type ScoredItem, scoredItemOf, sequenceScoresOf } from '../../src/evaluation/scored-item.ts'
import { failureOf, type LogprobResult, resultOf } from '../../src/logprob/result.ts'
import { type Check, check } from '../../src/scoring/checks/check.ts'
import { REQUEST_CHECKS } from '../../src/scoring/checks/request-checks.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'
import { encodeOne, itemOf, optionsOf } from '../support/logprob-items.ts'

/**
 * Rows with the given log-probabilities whose most probable token has -0.25 and is another one, or is the target in
 * `greedy` rows.
 */
function rowsOf(whole: Int32Array, ids: Int32Array, logProbs: readonly number[], greedy: readonly boolean[]): RowScores {
  return {
    logProbs: Float32Array.from(logProbs),
    logSumExps: new Float32Array(logProbs.length),
    bestIds: Int32Array.from(logProbs, (_, row) => (greedy[row] === true ? ids[row]! : 15)),
    bestLogProbs: Float32Array.from(logProbs, (logProb, row) => (greedy[row] === true ? logProb : -0.25)),
    detail: null,
    checksums: rowChecksums({ ids: whole, firstScored: whole.length - ids.length })
  }
}

async function resultFor(
  item: LogprobItem,
  logProbs: readonly number[],
  options: Partial<LogprobOptions> = {},
  { greedy = [], context = {} }: { greedy?: readonly boolean[]; context?: Partial<EncodingContext> } = {}
): Promise<LogprobResult> {
  const encoded = await encodeOne(item, options, context)
  assert.equal(logProbs.length, encoded.scoredEnd - encoded.scoredStart)
  const rows =
    logProbs.length === 0 ? null : rowsOf(encoded.ids.slice(0, encoded.scoredEnd), encoded.ids.slice(encoded.scoredStart, encoded.scoredEnd), logProbs, greedy)
  return resultOf(scoredItem(item, encoded, rows, options), optionsOf(options).terms)
}

function scoredItem(
  item: LogprobItem,
  encoded: EncodedItem,
  rows: RowScores | null,
  options: Partial<LogprobOptions> = {},
  moreChecks: readonly Check[] = []
): ScoredItem {
  const context = { tokenizer: new FakeTokenizer(), causal: 'exact' as const }
  return scoredItemOf({ item, encoded, scored: sequenceScoresOf(encoded, rows), options: optionsOf(options), context, checks: REQUEST_CHECKS }, moreChecks)
}

const statusOf = ({ checks }: LogprobResult, id: string): string | undefined => checks.items.find((item) => item.id === id)?.status

describe('resultOf', () => {
  it('builds a whole result', async () => {
    const result = await resultFor({ ...itemOf('a a', ' a'), index: 4, candidate: 2, id: 'p' }, [-1, -2, -4])
    const { checks, ...rest } = result
    assert.deepEqual(rest, {
      object: 'logprob.result',
      index: 4,
      id: 'p',
      candidate: 2,
      log_prob: { joint: -7, marginal: -3, conditional: -4 },
      counts: { x: { tokens: 2, chars: 3, bytes: 3 }, y: { tokens: 1, chars: 2, bytes: 2 } },
      normalized: { per_token: -4, per_char: -2, per_byte: -2, bits_per_byte: 2 / Math.LN2, perplexity: Math.exp(4) },
      is_greedy: false,
      boundary: { policy: 'joint', merged: false },
      warnings: []
    })
    assert.equal(checks.verdict, 'pass')
    assert.deepEqual(
      checks.items.map(({ id }) => id),
      [
        'finite',
        'same_sequence',
        'log_prob_le_zero',
        'prefix_monotone',
        'joint_le_marginal',
        'additivity',
        'boundary',
        'round_trip',
        'normalizer_unchanged',
        'token_range',
        'control_tokens',
        'length',
        'first_token',
        'greedy_consistent',
        'well_formed'
      ]
    )
  })

  const TERMS: readonly [LogprobOptions['terms'], readonly number[], LogprobResult['log_prob']][] = [
    [new Set(['conditional']), [-4], { conditional: -4 }],
    [new Set(['marginal']), [-1, -2], { marginal: -3 }],
    [new Set(['joint']), [-1, -2, -4], { joint: -7 }]
  ]
  for (const [terms, logProbs, expected] of TERMS) {
    it(`returns only ${[...terms].join()} on request`, async () =>
      assert.deepEqual((await resultFor(itemOf('a a', ' a'), logProbs, { terms })).log_prob, expected))
  }

  it('omits y when only x was scored', async () => {
    const result = await resultFor(itemOf('a', ' a'), [-1], { terms: new Set(['marginal']) })
    assert.equal('normalized' in result || 'is_greedy' in result, false)
  })

  it('returns a marginal of 0 for an empty x without a pass', async () => {
    assert.deepEqual((await resultFor(itemOf('', 'a'), [], { terms: new Set(['marginal']) })).log_prob, { marginal: 0 })
  })

  it('returns the end token separately, includes it in joint and conditional, and excludes it from the lengths', async () => {
    const result = await resultFor(itemOf('a', ' a'), [-1, -2, -4], { eos: 'score' })
    assert.deepEqual(result.log_prob, { joint: -7, marginal: -1, conditional: -6 })
    assert.equal(result.log_prob_eos, -4)
    assert.equal(result.normalized?.per_token, -2)
  })

  it('excludes the first token without a prefix token, and reports that', async () => {
    const result = await resultFor(itemOf('a a', ' a'), [-1, -2], { prefixToken: 'none' })
    assert.deepEqual(result.log_prob, { joint: -3, marginal: -1, conditional: -2 })
    assert.equal(result.conditional_on_first_token, true)
    assert.equal(statusOf(result, 'first_token'), 'warn')
  })

  it('returns no joint and no marginal for a truncated x', async () => {
    const result = await resultFor(itemOf('a a a', ' a'), [-4], { onOverflow: 'truncate_left' }, { context: { maxModelLen: 4 } })
    assert.deepEqual(result.log_prob, { joint: null, marginal: null, conditional: -4 })
    assert.deepEqual([statusOf(result, 'length'), statusOf(result, 'joint_le_marginal'), statusOf(result, 'additivity')], ['warn', 'skipped', 'skipped'])
  })

  const GREEDY: readonly [string, readonly boolean[], LogprobOptions['eos'], boolean][] = [
    ['every token of y is the most probable', [false, true, true], 'none', true],
    ['one of them is not', [true, true, false], 'none', false],
    ['x alone is', [true, false, false], 'none', false],
    ['y is and the end token is not', [true, true, true, false], 'score', false],
    ['y and the end token are', [false, true, true, true], 'score', true]
  ]
  for (const [what, greedy, eos, expected] of GREEDY) {
    it(`is_greedy is ${expected} when ${what}`, async () => {
      const logProbs = greedy.map(() => -1)
      assert.equal((await resultFor(itemOf('a', ' a a'), logProbs, { eos }, { greedy })).is_greedy, expected)
    })
  }

  for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]) {
    it(`throws non_finite_logits for ${bad}`, () =>
      assert.rejects(resultFor(itemOf('a', ' a'), [-1, bad]), { code: 'non_finite_logits', message: /position 2/ }))
  }

  it('fails the verdict for an impossible score', async () => assert.equal((await resultFor(itemOf('a', ' a'), [-1, 2])).checks.verdict, 'fail'))

  it('returns tokens under detail: tokens', async () => {
    const { tokens } = await resultFor(itemOf('a', ' a'), [-1, -2], { detail: 'tokens' })
    assert.deepEqual(
      tokens?.map(({ part, log_prob }) => [part, log_prob]),
      [
        ['prefix', null],
        ['x', -1],
        ['y', -2]
      ]
    )
  })

  it('includes the deep checks in the verdict', async () => {
    const encoded = await encodeOne(itemOf('a', ' a'))
    const { checks } = scoredItem(itemOf('a', ' a'), encoded, rowsOf(encoded.ids, encoded.ids.slice(1), [-1, -2], []), {}, [check('causality', 'warn', '')])
    assert.deepEqual([checks.verdict, checks.items.at(-1)?.id], ['warn', 'causality'])
  })
})

describe('failureOf', () => {
  it('takes the place of the result, with the code and the field', () => {
    assert.deepEqual(failureOf({ ...itemOf('a', 'b'), index: 3, id: 'p' }, new ServiceError('invalid_text', 'bad', { param: 'x' })), {
      object: 'logprob.failure',
      index: 3,
      id: 'p',
      candidate: 0,
      error: { code: 'invalid_text', message: 'bad', param: 'x' }
    })
    assert.equal('param' in failureOf(itemOf('a', 'b'), new ServiceError('internal_error', 'bad')).error, false)
  })
})
