import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Check } from '../../../src/scoring/checks/check.ts'
import { type Candidate, candidateMassCheck } from '../../../src/scoring/checks/group-checks.ts'
import { referenceScores } from '../../support/reference-scores.ts'

function candidate(ids: readonly number[], probability: number): Candidate {
  return { ids: Int32Array.from(ids), conditional: Math.log(probability) }
}

function massOf(...candidates: readonly Candidate[]): Check {
  return candidateMassCheck(candidates, 0)
}

describe('the candidate_mass check', () => {
  it('passes if the probabilities add up to less than 1', () => {
    const found = massOf(candidate([1], 0.5), candidate([2, 3], 0.25))
    assert.deepEqual([found.id, found.status, found.value, found.independent], ['candidate_mass', 'pass', 0.75, true])
  })

  it('passes a sum of 1, also with a rounding error', () => {
    assert.equal(massOf(candidate([1], 0.5), candidate([2], 0.5)).status, 'pass')
    assert.equal(massOf(candidate([1], 0.5), candidate([2], 0.5 + 0.9e-6)).status, 'pass')
  })

  it('fails a sum above 1 by more than a rounding error', () => {
    const found = massOf(candidate([1], 0.5), candidate([2], 0.5 + 1.1e-6))
    assert.deepEqual([found.status, found.value?.toFixed(7), found.tolerance], ['fail', '1.0000011', 1 + 1e-6])
    assert.match(found.message, /add up to 1\.0000/)
  })

  it('allows the tolerance of a token times the square root of the longest length', () => {
    const candidates = [candidate([1, 1, 1, 1], 0.5), candidate([2], 0.7)]
    const { status, tolerance } = candidateMassCheck(candidates, Math.log(1.2) / 2)
    assert.deepEqual([status, tolerance?.toFixed(6)], ['pass', '1.200001'])
    assert.equal(candidateMassCheck([candidates[0]!, candidate([2], 0.701)], Math.log(1.2) / 2).status, 'fail')
  })

  it('fails a sum that is NaN', () => assert.equal(massOf(candidate([1], Number.NaN), candidate([2], 0.1)).status, 'fail'))

  const NOT_EXCLUSIVE: readonly [string, readonly (readonly number[])[]][] = [
    ['two outputs are equal', [[1], [2], [1]]],
    ['one begins another', [[1, 2], [3], [1]]],
    ['one begins another, and a third is between them in sorted order', [[1], [1, 2], [1, 1, 5]]],
    ['one has no tokens', [[1], []]]
  ]
  for (const [what, outputs] of NOT_EXCLUSIVE) {
    it(`is skipped if ${what}, although the sum is above 1`, () => {
      const found = massOf(...outputs.map((ids) => candidate(ids, 0.9)))
      assert.deepEqual([found.status, found.value, found.tolerance], ['skipped', null, null])
    })
  }

  it('is skipped if and only if one of the outputs equals or begins another', () => {
    const output = fc.array(fc.nat(2), { maxLength: 4 })
    const begins = (start: readonly number[], ids: readonly number[]): boolean => start.every((id, i) => ids[i] === id)
    fc.assert(
      fc.property(fc.array(output, { minLength: 1, maxLength: 8 }), (outputs) => {
        const isExclusive = outputs.every((a, i) => outputs.every((b, j) => i === j || !begins(a, b)))
        assert.equal(massOf(...outputs.map((ids) => candidate(ids, 1e-3))).status, isExclusive ? 'pass' : 'skipped')
      })
    )
  })

  it('distinguishes ids above 2^30 from negative ids', () => {
    assert.equal(massOf(candidate([2 ** 31 - 1], 0.1), candidate([-(2 ** 31)], 0.1), candidate([0], 0.1)).status, 'pass')
  })

  it('handles hundreds of outputs in any order', () => {
    const outputs = Array.from({ length: 900 }, (_, i) => candidate([i % 30, Math.floor(i / 30)], 1 / 900))
    const found = massOf(...outputs.toReversed())
    assert.deepEqual([found.status, found.value?.toFixed(9)], ['pass', '1.000000000'])
    assert.equal(massOf(...outputs, candidate([29], 1e-9)).status, 'skipped')
  })

  it('passes all outputs of a softmax in float32, with noise below the tolerance', () => {
    const row = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 6, maxLength: 6 })
    fc.assert(
      fc.property(row, row, fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 11, maxLength: 11 }), (first, second, noise) => {
        const toleranceNats = 1e-3
        const after = (logits: readonly number[]) => referenceScores(logits, 0).byProbability
        // Token 0 is always followed by a second token, so these outputs form a complete distribution.
        const ones = after(first).filter(({ id }) => id !== 0)
        const zero = after(first).find(({ id }) => id === 0)!.logProb
        const all = [
          ...ones.map(({ id, logProb }) => ({ ids: Int32Array.of(id), conditional: Math.fround(logProb) })),
          ...after(second).map(({ id, logProb }) => ({ ids: Int32Array.of(0, id), conditional: Math.fround(zero) + Math.fround(logProb) }))
        ]
        const noisy = all.map(({ ids, conditional }, i) => ({ ids, conditional: conditional + noise[i]! * toleranceNats }))
        assert.equal(candidateMassCheck(all, 0).status, 'pass')
        assert.equal(candidateMassCheck(noisy, toleranceNats).status, 'pass')
      })
    )
  })
})
