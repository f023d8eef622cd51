import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CHECK_CATALOG, type CheckStatus, check, verdictOf } from '../../../src/scoring/checks/check.ts'

describe('check', () => {
  it('is not independent and has no numbers unless it says so', () => {
    assert.deepEqual(check('finite', 'pass', 'fine'), { id: 'finite', status: 'pass', independent: false, value: null, tolerance: null, message: 'fine' })
  })
})

describe('a check that does not pass', () => {
  for (const status of ['warn', 'fail'] as const) {
    it(`says with ${status} what was found, why that may be, in order, and what to do`, () => {
      const { message } = check('causality', status, 'numbers moved')
      const { causes, advice } = CHECK_CATALOG.causality
      assert.equal(message, `numbers moved. Likely causes, the most likely first: (1) ${causes[0]}; (2) ${causes[1]}; (3) ${causes[2]}. What to do: ${advice}`)
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
