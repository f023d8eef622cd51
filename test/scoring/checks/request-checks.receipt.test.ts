import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CheckStatus } from '../../../src/scoring/checks/check.ts'
import { type SequenceIntegrity, sameSequenceCheck } from '../../../src/scoring/checks/request-checks.ts'

const GOOD: SequenceIntegrity = { sentChecksum: 7, scoredChecksum: 7, sentRows: 3, scoredRows: 3 }

describe('the same_sequence check', () => {
  const CASES: readonly [string, SequenceIntegrity | null, CheckStatus, number | null][] = [
    ['the tokens that were sent', GOOD, 'pass', 0],
    ['other tokens', { ...GOOD, scoredChecksum: 8 }, 'fail', 0],
    ['one number too many', { ...GOOD, scoredRows: 4 }, 'fail', 1],
    ['no numbers at all', { ...GOOD, scoredRows: 0 }, 'fail', -3],
    ['other tokens, and not all of them', { ...GOOD, scoredChecksum: 8, scoredRows: 2 }, 'fail', -1],
    ['nothing to score', null, 'skipped', null]
  ]
  for (const [what, receipt, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => {
      const found = sameSequenceCheck(receipt)
      const isCompared = status !== 'skipped'
      assert.deepEqual(
        [found.id, found.status, found.value, found.tolerance, found.independent],
        ['same_sequence', status, value, isCompared ? 0 : null, isCompared]
      )
    })
  }
})
