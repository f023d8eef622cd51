import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Check, CheckStatus } from '../../../src/scoring/checks/check.ts'
import {
  additivityWithSeparateMarginal,
  contextSensitivity,
  jointLeSeparateMarginal,
  passCheck,
  passDifference,
  rerunCheck,
  type SeparateMarginal
} from '../../../src/scoring/checks/pass-checks.ts'
import type { LogProbSums } from '../../../src/scoring/scored-sequence.ts'

const INFINITE = Number.POSITIVE_INFINITY
const TOLERANCE = 2 ** -10

describe('passDifference', () => {
  it('finds the largest absolute difference and its row', () => {
    assert.deepEqual(passDifference([-1, -2, -3], [-1.25, -1.5, -3]), { max: 0.5, row: 1, all: [0.25, 0.5, 0] })
  })

  it('is 0 at row 0 for passes that agree or have no rows', () => {
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

  it('is infinite for passes of different lengths, at the first row that only one of them has', () => {
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
    ['an infinite difference', INFINITE, 'fail']
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
    ['bit-identical passes', 0, 'pass'],
    ['the smallest possible difference', Number.MIN_VALUE, 'warn'],
    ['a difference at the tolerance', TOLERANCE, 'warn'],
    ['a difference just above the tolerance', TOLERANCE * (1 + 2 ** -40), 'fail'],
    ['an infinite difference', INFINITE, 'fail']
  ]
  for (const [what, max, status] of CASES) {
    it(`is ${status} for ${what}`, () => {
      const found = rerunCheck(TOLERANCE, { max, row: 0, all: [max] })
      assert.deepEqual([found.id, found.status, found.value, found.tolerance, found.independent], ['rerun', status, max === INFINITE ? null : max, 0, true])
    })
  }
})

describe('noise below the tolerance', () => {
  it('never warns', () => {
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

/** 16 tokens with a tolerance of 0.25 nats give a sum a tolerance of 1 nat. */
const SEPARATE: SeparateMarginal = { marginal: -8, tokens: 16, toleranceNats: 0.25 }

function sums(joint: number | null, conditional: number | null): LogProbSums {
  return { joint, marginal: -8, conditional, eos: null, isConditionalOnFirstToken: false }
}

function assertFound(found: Check, id: string, status: CheckStatus, value: number | null, tolerance: number): void {
  const isCompared = status !== 'skipped'
  assert.deepEqual([found.id, found.status, found.value, found.tolerance, found.independent], [id, status, value, isCompared ? tolerance : null, isCompared])
}

describe('the joint_le_marginal_two_pass check', () => {
  const CASES: readonly [string, number | null, CheckStatus, number | null][] = [
    ['a joint below the separate marginal', -12, 'pass', -4],
    ['a certain y', -8, 'pass', 0],
    ['a joint above it by the tolerance of the sum', -7, 'pass', 1],
    ['a joint above it by more', -6.75, 'fail', 1.25],
    ['a joint of NaN', Number.NaN, 'fail', Number.NaN],
    ['no joint', null, 'skipped', null]
  ]
  for (const [what, joint, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => assertFound(jointLeSeparateMarginal(sums(joint, -4), SEPARATE), 'joint_le_marginal_two_pass', status, value, 1))
  }
})

describe('the additivity_two_pass check', () => {
  const CASES: readonly [string, number | null, number | null, CheckStatus, number | null][] = [
    ['sums that agree', -12, -4, 'pass', 0],
    ['a joint above by the tolerance of the sum', -11, -4, 'pass', 1],
    ['a joint below by the tolerance of the sum', -13, -4, 'pass', 1],
    ['a joint above by more', -10.75, -4, 'fail', 1.25],
    ['a joint below by more', -13.25, -4, 'fail', 1.25],
    ['a conditional of NaN', -12, Number.NaN, 'fail', Number.NaN],
    ['no joint', null, -4, 'skipped', null],
    ['no conditional', -12, null, 'skipped', null]
  ]
  for (const [what, joint, conditional, status, value] of CASES) {
    it(`is ${status} for ${what}`, () =>
      assertFound(additivityWithSeparateMarginal(sums(joint, conditional), SEPARATE), 'additivity_two_pass', status, value, 1))
  }
})

describe('the context_sensitivity check', () => {
  const CASES: readonly [string, number, number, number, CheckStatus, number | null][] = [
    ['an x that makes y more probable', -3, -5, 4, 'pass', 2],
    ['an x that makes y less probable', -5, -3, 4, 'pass', -2],
    ['a y that is equally probable without x', -3, -3, 4, 'warn', 0],
    ['a difference at the tolerance', -3, -3.25, 40, 'warn', 0.25],
    ['a difference just above the tolerance', -3, -3.5, 40, 'pass', 0.5],
    ['NaN', Number.NaN, -3, 4, 'warn', Number.NaN],
    ['an x of three tokens', -3, -3, 3, 'skipped', null]
  ]
  for (const [what, conditional, unconditional, xTokens, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => assertFound(contextSensitivity(conditional, unconditional, xTokens, 0.25), 'context_sensitivity', status, value, 0.25))
  }
})
