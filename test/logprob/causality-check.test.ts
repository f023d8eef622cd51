import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RowScores } from '../../src/engine/engine.ts'
import { causalityCheck, causalitySkipped } from '../../src/logprob/causality-check.ts'
import { encodeOne, itemOf } from '../support/logprob-items.ts'

function rowsOf(...logProbs: number[]): RowScores {
  const numbers = Float32Array.from(logProbs)
  return { logProbs: numbers, logSumExps: numbers, bestIds: new Int32Array(numbers.length), bestLogProbs: numbers, detail: null, checksum: 0 }
}

describe('causalityCheck', () => {
  const CASES: readonly [string, RowScores, string, number][] = [
    ['equal numbers', rowsOf(-1, -2), 'pass', 0],
    ['a difference within rounding', rowsOf(-1, -2 - 2 ** -10), 'pass', 2 ** -10],
    ['a difference above rounding', rowsOf(-1 - 2 ** -8, -2), 'warn', 2 ** -8],
    ['a difference that rounding cannot make', rowsOf(-1, -1.5), 'fail', 0.5],
    ['a number that is none', rowsOf(-1, Number.NaN), 'fail', Number.NaN]
  ]
  for (const [what, alone, status, value] of CASES) {
    it(`is ${status} for ${what}`, async () => {
      const found = causalityCheck(await encodeOne(itemOf('a a', ' a')), rowsOf(-1, -2, -3), alone, 1e-3)
      assert.deepEqual([found.id, found.status, found.value, found.independent], ['causality', status, value, true])
    })
  }

  it('is skipped when there is nothing to compare', () =>
    assert.deepEqual([causalitySkipped('why').status, causalitySkipped('why').message], ['skipped', 'why']))
})
