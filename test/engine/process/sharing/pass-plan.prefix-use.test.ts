import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ScoringSequence } from '../../../../src/engine/engine.ts'
import { commonTokens, usableLength } from '../../../../src/engine/process/sharing/pass-plan.ts'

const sequence = (length: number, firstScored: number, more: Partial<ScoringSequence> = {}): ScoringSequence => ({
  ids: Int32Array.from({ length }, (_, i) => i),
  firstScored,
  ...more
})
/** Keys and values of `length` tokens, with the numbers of those before `rowsUntil`. */
const known = (length: number, rowsUntil: number) => ({ length, firstUnknownRow: (first: number) => Math.max(first, Math.min(rowsUntil, length)) })
const usable = (sequences: readonly ScoringSequence[], prefix: ReturnType<typeof known>, topCount: number | null = null): number =>
  usableLength({ sequences, topCount }, prefix)

describe('commonTokens', () => {
  it('leaves out the last token, which is scored and never fed', () => {
    assert.deepEqual([...commonTokens([sequence(4, 1)])], [0, 1, 2])
    assert.deepEqual(
      [
        ...commonTokens([
          { ids: Int32Array.of(0, 1, 2, 9), firstScored: 1 },
          { ids: Int32Array.of(0, 1, 3), firstScored: 1 }
        ])
      ],
      [0, 1]
    )
  })
})

describe('usableLength', () => {
  it('takes all that is kept where nothing of it is scored', () => {
    assert.equal(usable([sequence(20, 15)], known(10, 0)), 10)
  })

  it('leaves a token to feed, whose row predicts the last one', () => {
    assert.equal(usable([sequence(12, 11)], known(11, 0)), 10)
  })

  it('feeds the last kept token again where the number behind it is wanted', () => {
    assert.equal(usable([sequence(20, 10)], known(10, 0)), 9)
  })

  it('takes tokens that are scored where their numbers are kept', () => {
    assert.equal(usable([sequence(20, 1)], known(10, 10)), 9)
    assert.equal(usable([sequence(20, 1)], known(10, 6)), 5)
    assert.equal(usable([sequence(20, 1)], known(10, 0)), 0)
  })

  it('looks at the sequence that scores first', () => {
    assert.equal(usable([sequence(20, 15), sequence(20, 4)], known(10, 0)), 3)
  })

  it('takes no kept numbers for labels, nor where details are asked for', () => {
    assert.equal(usable([sequence(20, 4, { targets: new Int32Array(16) })], known(10, 10)), 3)
    assert.equal(usable([sequence(20, 4)], known(10, 10), 0), 3)
  })

  it('is 0 where nothing is kept', () => {
    assert.equal(usable([sequence(20, 5)], known(0, 0)), 0)
  })
})
