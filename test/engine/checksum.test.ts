import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { idsChecksum, rowChecksums } from '../../src/engine/checksum.ts'
import type { ScoringSequence } from '../../src/engine/engine.ts'
import { type Pass, plainPass } from '../../src/engine/process/pass.ts'
import { checksumsOf } from '../../src/engine/process/row-scores.ts'
import { packedPass } from '../../src/engine/process/sharing/packed-pass.ts'

const ids = Int32Array.of(5, 6, 7)

describe('rowChecksums', () => {
  test('covers the tokens up to the scored one for each row', () => {
    assert.deepEqual([...rowChecksums({ ids, firstScored: 1 })], [idsChecksum(ids.subarray(0, 2)), idsChecksum(ids)])
    assert.equal(idsChecksum(new Int32Array(0)) >>> 0, 0x811c9dc5)
  })

  test('puts last-token candidates after the tokens the last row sees, and labels in place of tokens', () => {
    assert.deepEqual([...rowChecksums({ ids, firstScored: 2, lastTokenCandidates: Int32Array.of(9) })], [idsChecksum(ids), idsChecksum(Int32Array.of(5, 6, 9))])
    const labelled = rowChecksums({ ids, firstScored: 1, targets: Int32Array.of(8, 9) })
    assert.deepEqual([...labelled], [idsChecksum(Int32Array.of(5, 8)), idsChecksum(Int32Array.of(5, 6, 9))])
  })

  test('changes with every last-token candidate and with their order', () => {
    const sums = [[], [8], [9], [8, 9], [9, 8]].map((candidates) =>
      idsChecksum(rowChecksums({ ids, firstScored: 1, lastTokenCandidates: Int32Array.from(candidates) }))
    )
    assert.equal(new Set(sums).size, sums.length)
  })
})

describe('the checksums of a pass', () => {
  const SEQUENCES: readonly ScoringSequence[] = [
    { ids: Int32Array.of(1, 2, 3, 4), firstScored: 1 },
    { ids: Int32Array.of(1, 2, 5, 6, 7), firstScored: 2, lastTokenCandidates: Int32Array.of(8, 9) },
    { ids: Int32Array.of(1, 2, 3, 9), firstScored: 1 },
    { ids: Int32Array.of(1, 2, 6), firstScored: 1, targets: Int32Array.of(4, 4) }
  ]
  const passes: readonly [string, Pass, number][] = [
    ['with one row per sequence', plainPass(SEQUENCES), 0],
    ['with all sequences in one row', packedPass(SEQUENCES, { length: 0, past: null }).pass, 0],
    ['after a known prefix', packedPass(SEQUENCES, { length: 1, past: new Map() }).pass, 1]
  ]
  const read = (pass: Pass, rows: Int32Array | undefined): number[] => [...checksumsOf(pass, rows ?? new Int32Array(0))]

  for (const [what, pass, pastLength] of passes) {
    test(`${what} equal those of the sequences`, () => {
      SEQUENCES.forEach((sequence, i) => {
        const known = Math.max(0, pastLength + 1 - sequence.firstScored)
        assert.deepEqual(read(pass, pass.wanted.ofSequence[i]), [...rowChecksums(sequence)].slice(known))
      })
    })

    test(`${what} reveal swapped rows`, () => {
      const [first, , third] = pass.wanted.ofSequence
      assert.equal(first?.length, third?.length)
      assert.notDeepEqual(read(pass, third), read(pass, first))
    })

    test(`${what} reveal a token fed in place of another`, () => {
      const fed = Int32Array.from(SEQUENCES[0]?.ids ?? [])
      fed[1] = 3
      const wrong = plainPass([{ ids: fed, firstScored: 1 }])
      assert.notDeepEqual(read(wrong, wrong.wanted.ofSequence[0]).slice(-1), read(pass, pass.wanted.ofSequence[0]).slice(-1))
    })
  }
})
