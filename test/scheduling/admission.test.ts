import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { refusalOf } from '../../src/scheduling/admission.ts'

const CAPACITY = { freeAtMs: 0, msPerToken: 1, batchMs: 0 }
const NEWCOMER = { submittedAtMs: 0, deadlineAtMs: 1000, tokens: 100, priority: 'interactive' } as const

function refused(laterTokens: number, capacity: typeof CAPACITY | null = CAPACITY) {
  return refusalOf(NEWCOMER, { byDeadline: [], laterTokens, waitingTokens: 0, maxQueueTokens: 500, capacity, share: 'all', backlogMs: 0 })
}

describe('admission of a request that submits its work in portions', () => {
  test('counts what is to come before the same deadline', () => {
    assert.equal(refused(700), null)
    const refusal = refused(4900)
    assert.equal(refusal?.code, 'queue_full')
    assert.match(String(refusal?.message), /^5000 tokens, 5\.0 s of computing, cannot finish within 1\.0 s/)
  })

  test('does not count it against the room of the queue, where it never waits at once', () => {
    assert.equal(refused(700), null)
  })

  test('admits anything while the speed is unknown', () => assert.equal(refused(1e9, null), null))
})
