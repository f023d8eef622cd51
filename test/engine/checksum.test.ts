import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { idsChecksum, sequenceChecksum } from '../../src/engine/checksum.ts'

describe('sequenceChecksum', () => {
  const ids = Int32Array.of(5, 6, 7)

  test('equals the checksum of the ids without last-token candidates', () => {
    assert.equal(sequenceChecksum({ ids }), idsChecksum(ids))
    assert.equal(idsChecksum(new Int32Array(0)), 0x811c9dc5)
  })

  test('changes with every last-token candidate and with their order', () => {
    const sums = [[], [8], [9], [8, 9], [9, 8]].map((candidates) => sequenceChecksum({ ids, lastTokenCandidates: Int32Array.from(candidates) }))
    assert.equal(new Set(sums).size, sums.length)
  })
})
