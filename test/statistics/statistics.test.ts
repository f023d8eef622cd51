import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import {
  joinMoments,
  needsMoments,
  STATISTICS,
  type StatisticOptions,
  type Statistics,
  statisticOptionsOf,
  statisticsOf,
  undefinedStatistics,
  zlibSize
} from '../../src/statistics/statistics.ts'

interface Case {
  readonly logProbs: readonly number[]
  readonly entropies: readonly number[]
  readonly variances: readonly number[]
  readonly text: string
  readonly minKPercent: number
  readonly statistics: Required<Statistics>
}

/** Written by test/oracle/check_statistics.py with the formulas of the published code. */
const { formulas, zlib } = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'statistics', 'expected.json'), 'utf8')) as {
  readonly formulas: readonly Case[]
  readonly zlib: readonly { readonly repeated: string; readonly times: number; readonly bytes: number }[]
}
const all = (minKPercent = 20): StatisticOptions => ({ names: new Set(STATISTICS), minKPercent })
const TEXT = Buffer.from('some text')
const assertClose = (actual: number | null | undefined, expected: number | null): void =>
  assert.ok(Math.abs((actual ?? Number.NaN) - (expected ?? Number.NaN)) < 1e-9, `${actual} is not ${expected}`)

describe('statisticsOf', () => {
  test('gives what the published code gives', async () => {
    for (const { text, minKPercent, statistics, ...tokens } of formulas) {
      const own = await statisticsOf(all(minKPercent), tokens, Buffer.from(text))
      for (const name of STATISTICS) assertClose(own[name], statistics[name])
    }
  })

  test('gives the requested statistics alone', async () => {
    const tokens = { logProbs: [-1, -3], entropies: null, variances: null }
    assert.deepEqual(await statisticsOf({ names: new Set(['min_k']), minKPercent: 50 }, tokens, TEXT), { min_k: -3 })
  })

  test('averages one token at least', async () => {
    const tokens = { logProbs: [-1, -3, -2], entropies: [1, 1, 1], variances: [4, 4, 4] }
    const { min_k, min_k_plus_plus } = await statisticsOf(all(1), tokens, TEXT)
    assert.deepEqual([min_k, min_k_plus_plus], [-3, -1])
  })

  test('a token that is certain is as probable as expected', async () => {
    const tokens = { logProbs: [0, -2], entropies: [0, 1], variances: [0, 1] }
    assert.equal((await statisticsOf(all(100), tokens, TEXT)).min_k_plus_plus, -0.5)
  })

  test('has null and a reason where a formula divides by zero', async () => {
    const impossible = await statisticsOf(all(100), { logProbs: [-110], entropies: [0], variances: [0] }, new Uint8Array(0))
    assert.deepEqual(impossible, { min_k: -110, min_k_plus_plus: null, zlib_ratio: null, sampling_discrepancy: null })
    assert.deepEqual(
      undefinedStatistics(impossible).map(({ message }) => message.split(' ')[0]),
      ['min_k_plus_plus', 'zlib_ratio', 'sampling_discrepancy']
    )
    const empty = await statisticsOf(all(), { logProbs: [], entropies: [], variances: [] }, TEXT)
    assert.deepEqual([empty.min_k, empty.min_k_plus_plus, empty.sampling_discrepancy], [null, null, null])
  })
})

describe('joinMoments', () => {
  test('joins the tokens of several passes in order', async () => {
    const parts = [
      { logProbs: [-1], entropies: [1], variances: [2] },
      { logProbs: Float32Array.of(-2, -3), entropies: Float32Array.of(3, 4), variances: Float32Array.of(5, 6) }
    ]
    const { logProbs, entropies, variances } = joinMoments(parts)
    assert.deepEqual(
      [logProbs, entropies, variances].map((values) => [...Array.from(values ?? [])]),
      [
        [-1, -2, -3],
        [1, 3, 4],
        [2, 5, 6]
      ]
    )
  })

  test('has no moments when a pass has none', () => {
    const without = { logProbs: [-1], entropies: null, variances: null }
    assert.equal(joinMoments([{ logProbs: [-1], entropies: [1], variances: [2] }, without]).variances, null)
  })
})

describe('statisticOptionsOf', () => {
  test('rejects min_k_percent without a statistic that it belongs to', () => {
    assert.throws(() => statisticOptionsOf(['zlib_ratio'], 10), { code: 'invalid_request', param: 'min_k_percent' })
    assert.equal(statisticOptionsOf(['min_k'], 10)?.minKPercent, 10)
    assert.equal(statisticOptionsOf(undefined, undefined), null)
  })

  test('says which statistics need moments', () => {
    const needs = STATISTICS.filter((name) => needsMoments(statisticOptionsOf([name], undefined)))
    assert.deepEqual(needs, ['min_k_plus_plus', 'sampling_discrepancy'])
  })
})

describe('zlibSize', () => {
  test('is the length of zlib.compress in Python, whatever the length of the text', async () => {
    for (const { repeated, times, bytes } of zlib) assert.equal(await zlibSize(Buffer.from(numbered(repeated, times))), bytes, `${repeated} x ${times}`)
  })
})

/** A text that compresses neither to nothing nor not at all. */
function numbered(text: string, times: number): string {
  return Array.from({ length: times }, (_, i) => `${text}${(i * 7919) % 10_007}`).join('')
}
