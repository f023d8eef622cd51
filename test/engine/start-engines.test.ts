import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { threadPlan } from '../../src/engine/start-engines.ts'

describe('threadPlan', () => {
  it('gives a single engine all cores', () => assert.deepEqual(threadPlan(0, { models: 1, replicas: 1 }, 8), { threads: 8, sharesCores: false }))

  it('gives each of several models all cores, so that its scores do not depend on the others', () => {
    assert.deepEqual(threadPlan(0, { models: 3, replicas: 1 }, 8), { threads: 8, sharesCores: true })
  })

  it('splits the cores between the replicas of a model, at least one each', () => {
    assert.deepEqual(threadPlan(0, { models: 1, replicas: 4 }, 8), { threads: 2, sharesCores: true })
    assert.deepEqual(threadPlan(0, { models: 2, replicas: 3 }, 8), { threads: 2, sharesCores: true })
    assert.deepEqual(threadPlan(0, { models: 1, replicas: 8 }, 2), { threads: 1, sharesCores: true })
  })

  it('gives each engine process the requested number of threads', () => {
    assert.deepEqual(threadPlan(2, { models: 1, replicas: 1 }, 8), { threads: 2, sharesCores: false })
    assert.deepEqual(threadPlan(2, { models: 3, replicas: 1 }, 8), { threads: 2, sharesCores: true })
    assert.deepEqual(threadPlan(2, { models: 1, replicas: 8 }, 8), { threads: 2, sharesCores: true })
  })
})
