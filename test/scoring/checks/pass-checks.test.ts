import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { CheckStatus } from '../../../src/scoring/checks/check.ts'
import { passCheck, passDifference, rerunCheck } from '../../../src/scoring/checks/pass-checks.ts'

const INFINITE = Number.POSITIVE_INFINITY
const TOLERANCE = 2 ** -10

describe('passDifference', () => {
  it('has the largest difference and its row, whichever pass is larger', () => {
    assert.deepEqual(passDifference([-1, -2, -3], [-1.25, -1.5, -3]), { max: 0.5, row: 1, all: [0.25, 0.5, 0] })
  })

  it('is nothing at the first row for passes that agree, or have no rows', () => {
    assert.deepEqual(passDifference([-1, -2], Float32Array.of(-1, -2)), { max: 0, row: 0, all: [0, 0] })
    assert.deepEqual(passDifference([], []), { max: 0, row: 0, all: [] })
  })

  for (const [what, a, b] of [
    ['NaN in one pass', [-1, Number.NaN], [-1, -2]],
    ['NaN in both passes', [-1, Number.NaN], [-1, Number.NaN]],
    ['-Infinity in one pass', [-1, -2], [-1, Number.NEGATIVE_INFINITY]],
    ['-Infinity in both passes', [-1, Number.NEGATIVE_INFINITY], [-1, Number.NEGATIVE_INFINITY]]
  ] as const) {
    it(`is infinite at the row with ${what}`, () => {
      const { max, row } = passDifference(a, b)
      assert.deepEqual([max, row], [INFINITE, 1])
    })
  }

  it('is infinite for passes of different lengths, at the first row that one of them lacks', () => {
    assert.deepEqual(passDifference([-1, -2, -3], [-1]), { max: INFINITE, row: 1, all: [INFINITE] })
    assert.deepEqual(passDifference([], [-1]), { max: INFINITE, row: 0, all: [INFINITE] })
  })
})

describe('passCheck', () => {
  const CASES: readonly [string, number, CheckStatus][] = [
    ['no difference', 0, 'pass'],
    ['a difference at the tolerance', TOLERANCE, 'pass'],
    ['a difference just above the tolerance', TOLERANCE * (1 + 2 ** -40), 'warn'],
    ['a difference of ten times the tolerance', 10 * TOLERANCE, 'warn'],
    ['a difference just above ten times the tolerance', 10 * TOLERANCE * (1 + 2 ** -40), 'fail'],
    ['a difference without end', INFINITE, 'fail']
  ]
  for (const id of ['causality', 'batch_invariance', 'padding_invariance'] as const) {
    for (const [what, max, status] of CASES) {
      it(`is ${status} for ${what}: ${id}`, () => {
        const found = passCheck({ id, what: 'one and the other', toleranceNats: TOLERANCE }, { max, row: 3, all: [max] })
        assert.deepEqual(
          [found.id, found.status, found.value, found.tolerance, found.independent],
          [id, status, max === INFINITE ? null : max, TOLERANCE, true]
        )
        assert.match(found.message, status === 'pass' ? /agree: one and the other/ : /scored token 3: one and the other.*What to do/)
      })
    }
  }
})

describe('rerunCheck', () => {
  const CASES: readonly [string, number, CheckStatus][] = [
    ['the same numbers, bit for bit', 0, 'pass'],
    ['the smallest difference that there is', Number.MIN_VALUE, 'warn'],
    ['a difference at the tolerance', TOLERANCE, 'warn'],
    ['a difference just above the tolerance', TOLERANCE * (1 + 2 ** -40), 'fail'],
    ['a difference without end', INFINITE, 'fail']
  ]
  for (const [what, max, status] of CASES) {
    it(`is ${status} for ${what}`, () => {
      const found = rerunCheck(TOLERANCE, { max, row: 0, all: [max] })
      assert.deepEqual([found.id, found.status, found.value, found.tolerance, found.independent], ['rerun', status, max === INFINITE ? null : max, 0, true])
    })
  }
})

describe('noise below the tolerance', () => {
  it('never warns, wherever it is', () => {
    const pair = fc.tuple(fc.double({ min: -50, max: 0, noNaN: true }), fc.double({ min: -0.999, max: 0.999, noNaN: true }))
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 64 }), (pairs) => {
        const difference = passDifference(
          pairs.map(([logProb]) => logProb),
          pairs.map(([logProb, share]) => logProb + share * TOLERANCE)
        )
        assert.equal(passCheck({ id: 'batch_invariance', what: '', toleranceNats: TOLERANCE }, difference).status, 'pass')
        assert.notEqual(rerunCheck(TOLERANCE, difference).status, 'fail')
      })
    )
  })
})
