import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BatchQueue } from '../../src/engine/batch-queue.ts'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import { present } from '../support/present.ts'

const BATCH: Batch = { sequences: [], topCount: null }
const SCORES: BatchScores = { rows: [], probes: [], runMs: 1 }

describe('BatchQueue', () => {
  test('starts one batch at a time, in order', () => {
    const queue = new BatchQueue()
    void queue.add(BATCH)
    void queue.add(BATCH)

    const first = queue.take()
    assert.equal(queue.take(), undefined)
    queue.finish(present(first?.batchId))

    assert.equal(queue.take()?.batchId, present(first?.batchId) + 1)
  })

  test('finishes a batch by its id and ignores an answer that comes too late', async () => {
    const queue = new BatchQueue()
    const scores = queue.add(BATCH)
    const pending = queue.take()

    assert.equal(queue.finish(present(pending?.batchId) + 7), undefined)
    queue.finish(present(pending?.batchId))?.resolve(SCORES)

    assert.equal(await scores, SCORES)
  })

  test('puts the batch of a crashed process first in line once, then rejects it', async () => {
    const queue = new BatchQueue()
    const crashing = queue.add(BATCH)
    void queue.add(BATCH)
    const first = queue.take()

    queue.requeue()
    assert.equal(queue.take(), first)
    queue.requeue()

    await assert.rejects(crashing, { code: 'engine_crashed' })
    assert.notEqual(queue.take(), first)
  })

  test('does not count an attempt that a replacement of the process interrupts', async () => {
    const queue = new BatchQueue()
    const crashing = queue.add(BATCH)
    const first = queue.take()
    for (let replaced = 0; replaced < 3; replaced++) {
      queue.requeue(true)
      assert.equal(queue.take(), first)
    }
    queue.requeue()
    assert.equal(queue.take(), first)
    queue.requeue()

    await assert.rejects(crashing, { code: 'engine_crashed' })
  })

  test('rejects the running batch and those that wait', async () => {
    const queue = new BatchQueue()
    const both = [queue.add(BATCH), queue.add(BATCH)]
    queue.take()

    queue.rejectAll(new ServiceError('engine_unavailable', 'gone'))

    for (const scores of both) await assert.rejects(scores, { code: 'engine_unavailable' })
  })
})
