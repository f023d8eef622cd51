import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CHECK_CATALOG, type CheckStatus, check, verdictOf } from '../../../src/scoring/checks/check.ts'

describe('check', () => {
  it('is not independent and has no value or tolerance by default', () => {
    assert.deepEqual(check('finite', 'pass', 'fine'), { id: 'finite', status: 'pass', independent: false, value: null, tolerance: null, message: 'fine' })
  })
})

describe('a check that warns or fails', () => {
  for (const status of ['warn', 'fail'] as const) {
    it(`lists causes and advice after the message if it is ${status}`, () => {
      const { message } = check('causality', status, 'scores moved')
      const { causes, advice } = CHECK_CATALOG.causality
      assert.equal(message, `scores moved. Likely causes, most likely first: (1) ${causes[0]}; (2) ${causes[1]}; (3) ${causes[2]}. What to do: ${advice}`)
    })
  }
})

describe('CHECK_CATALOG', () => {
  for (const [id, entry] of Object.entries(CHECK_CATALOG)) {
    it(`has causes and advice for ${id}`, () => {
      assert.ok(entry.causes.length > 0 && entry.runs.length > 0)
      assert.match(entry.advice, /\.$/)
    })
  }
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
      const items = statuses.map((status, i) => check((['finite', 'length', 'rerun'] as const)[i]!, status, ''))
      assert.deepEqual(verdictOf(items), { verdict, items })
    })
  }
})
