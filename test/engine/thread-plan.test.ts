import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { threadPlan } from '../../src/engine/thread-plan.ts'

describe('threadPlan', () => {
  it('gives a single engine all cores', () => assert.deepEqual(threadPlan(0, 1, 8), { threads: 8, sharesCores: false }))

  it('gives each of several engines all cores, so that its numbers are those it has alone', () => {
    assert.deepEqual(threadPlan(0, 3, 8), { threads: 8, sharesCores: true })
  })

  it('gives each engine the threads that were asked for', () => {
    assert.deepEqual(threadPlan(2, 1, 8), { threads: 2, sharesCores: false })
    assert.deepEqual(threadPlan(2, 3, 8), { threads: 2, sharesCores: true })
  })
})
