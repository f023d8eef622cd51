import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ScoringSequence } from '../../../../src/engine/engine.ts'
import { commonLength, packedRowSize } from '../../../../src/engine/packed-row.ts'
import { commonTokens, lengthsSharedWithAnother, longTextChunks, rowGroups, usableLength } from '../../../../src/engine/process/sharing/pass-plan.ts'
import { present } from '../../../support/present.ts'

const SEQUENCES = fc.array(
  fc.array(fc.nat(1), { minLength: 1, maxLength: 10 }).map((ids) => Int32Array.from(ids)),
  { minLength: 1, maxLength: 10 }
)
const sequence = (length: number, firstScored: number, more: Partial<ScoringSequence> = {}): ScoringSequence => ({
  ids: Int32Array.from({ length }, (_, i) => i),
  firstScored,
  ...more
})
/** Cached keys and values of `length` tokens, with the scores of those before `scoredUntil`. */
const cached = (length: number, scoredUntil: number) => ({ length, firstUnscored: (first: number) => Math.max(first, Math.min(scoredUntil, length)) })
const usable = (sequences: readonly ScoringSequence[], prefix: ReturnType<typeof cached>, topCount: number | null = null): number =>
  usableLength({ sequences, topCount }, prefix)

describe('rowGroups', () => {
  it('puts every sequence into one group and keeps packed rows within the limit', () => {
    fc.assert(
      fc.property(SEQUENCES, fc.nat(20), (fed, longestRow) => {
        const groups = rowGroups(fed, longestRow)
        assert.deepEqual(
          groups.flat().sort((a, b) => a - b),
          [...fed.keys()]
        )
        for (const group of groups) assert.ok(group.length === 1 || packedRowSize(group.map((index) => fed[index]!)) <= longestRow)
      })
    )
  })

  it('groups sequences that fit into one row', () => {
    assert.deepEqual(rowGroups([Int32Array.of(1, 2), Int32Array.of(1, 3)], 3), [[0, 1]])
  })
})

describe('lengthsSharedWithAnother', () => {
  it('is the longest prefix that a sequence has in common with any other', () => {
    fc.assert(
      fc.property(SEQUENCES, (fed) => {
        const longest = (i: number): number => Math.max(0, ...fed.map((other, j) => (i === j ? 0 : commonLength(present(fed[i]), other))))
        assert.deepEqual(
          lengthsSharedWithAnother(fed),
          fed.map((_, i) => longest(i))
        )
      })
    )
  })
})

describe('commonTokens', () => {
  it('leaves out the last token, which is not fed', () => {
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
  it('skips all cached tokens when none of them is scored', () => {
    assert.equal(usable([sequence(20, 15)], cached(10, 0)), 10)
  })

  it('leaves one token to feed, whose row predicts the last one', () => {
    assert.equal(usable([sequence(12, 11)], cached(11, 0)), 10)
  })

  it('feeds the last cached token again when the token after it is scored', () => {
    assert.equal(usable([sequence(20, 10)], cached(10, 0)), 9)
  })

  it('skips scored tokens whose scores are cached', () => {
    assert.equal(usable([sequence(20, 1)], cached(10, 10)), 9)
    assert.equal(usable([sequence(20, 1)], cached(10, 6)), 5)
    assert.equal(usable([sequence(20, 1)], cached(10, 0)), 0)
  })

  it('depends on the sequence that scores first', () => {
    assert.equal(usable([sequence(20, 15), sequence(20, 4)], cached(10, 0)), 3)
  })

  it('uses no cached scores for labels or when details are requested', () => {
    assert.equal(usable([sequence(20, 4, { targets: new Int32Array(16) })], cached(10, 10)), 3)
    assert.equal(usable([sequence(20, 4)], cached(10, 10), 0), 3)
  })

  it('is 0 when nothing is cached', () => {
    assert.equal(usable([sequence(20, 5)], cached(0, 0)), 0)
  })
})

describe('longTextChunks', () => {
  const chunks = (length: number, firstScored: number, past: number, width: number, targets?: Int32Array) => [
    ...longTextChunks({ ids: Int32Array.from({ length }, (_, i) => i), firstScored, ...(targets ? { targets } : {}) }, past, () => width)
  ]

  it('returns no chunk for a text that fits into the last pass', () => {
    assert.deepEqual(chunks(11, 1, 0, 10), [])
  })

  it('feeds at most the width at a time, each chunk from the end of the one before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.integer({ min: 1, max: 50 }), fc.nat(100), (length, width, past) => {
        const start = Math.min(past, length - 2)
        const ends = [start, ...chunks(length, 1, start, width).map(({ sequence }) => sequence.ids.length - 1), length - 1]
        ends.slice(1).forEach((end, i) => {
          assert.ok(end > ends[i]! && end - ends[i]! <= width)
        })
      })
    )
  })

  it('wants rows only from the first scored token on, and scores an unused one before it', () => {
    const [first, second] = chunks(31, 15, 0, 10)
    assert.deepEqual([first?.isWanted, first?.sequence.firstScored, first?.sequence.ids.length], [false, 10, 11])
    assert.deepEqual([second?.isWanted, second?.sequence.firstScored], [true, 15])
  })

  it('gives each chunk the labels of its own rows', () => {
    const [first] = chunks(
      21,
      8,
      0,
      10,
      Int32Array.from({ length: 13 }, (_, i) => 100 + i)
    )
    assert.deepEqual([...present(first?.sequence.targets)], [100, 101, 102])
  })
})
