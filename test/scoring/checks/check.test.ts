import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CheckStatus, check, verdictOf } from '../../../src/scoring/checks/check.ts'

describe('check', () => {
  it('is not independent and has no numbers unless it says so', () => {
    assert.deepEqual(check('a', 'pass', 'fine'), { id: 'a', status: 'pass', independent: false, value: null, tolerance: null, message: 'fine' })
  })
})

describe('verdictOf', () => {
  const CASES: readonly [readonly CheckStatus[], string][] = [
    [[], 'pass'],
    [['skipped', 'skipped'], 'pass'],
    [['pass', 'skipped'], 'pass'],
    [['pass', 'warn', 'skipped'], 'warn'],
    [['warn', 'fail', 'pass'], 'fail'],
    [['fail'], 'fail']
  ]
  for (const [statuses, verdict] of CASES) {
    it(`is ${verdict} for ${statuses.join(', ') || 'no checks'}`, () => {
      const items = statuses.map((status, i) => check(`c${i}`, status, ''))
      assert.deepEqual(verdictOf(items), { verdict, items })
    })
  }
})
