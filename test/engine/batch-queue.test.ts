import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BatchQueue } from '../../src/engine/batch-queue.ts'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import { present } from '../support/present.ts'

const BATCH: Batch = { sequences: [], topCount: null }
const SCORES: BatchScores = { rows: [], probes: [], runMs: 1 }

describe('BatchLine', () => {
  test('hands over one batch at a time, in order', () => {
    const line = new BatchQueue()
    void line.add(BATCH)
    void line.add(BATCH)

    const first = line.take()
    assert.equal(line.take(), undefined)
    line.finish(present(first?.batchId))

    assert.equal(line.take()?.batchId, present(first?.batchId) + 1)
  })

  test('settles a batch by its id and ignores an answer that came too late', async () => {
    const line = new BatchQueue()
    const scores = line.add(BATCH)
    const pending = line.take()

    assert.equal(line.finish(present(pending?.batchId) + 7), undefined)
    line.finish(present(pending?.batchId))?.resolve(SCORES)

    assert.equal(await scores, SCORES)
  })

  test('hands the batch of a dead process over first, once', async () => {
    const line = new BatchQueue()
    const crashing = line.add(BATCH)
    void line.add(BATCH)
    const first = line.take()

    line.putBack()
    assert.equal(line.take(), first)
    line.putBack()

    await assert.rejects(crashing, { code: 'engine_crashed' })
    assert.notEqual(line.take(), first)
  })

  test('does not count a try that a replacement of the process cut short', async () => {
    const line = new BatchQueue()
    const crashing = line.add(BATCH)
    const first = line.take()
    for (let replaced = 0; replaced < 3; replaced++) {
      line.putBack(true)
      assert.equal(line.take(), first)
    }
    line.putBack()
    assert.equal(line.take(), first)
    line.putBack()

    await assert.rejects(crashing, { code: 'engine_crashed' })
  })

  test('rejects what is in hand and what waits', async () => {
    const line = new BatchQueue()
    const both = [line.add(BATCH), line.add(BATCH)]
    line.take()

    line.rejectAll(new ServiceError('engine_unavailable', 'gone'))

    for (const scores of both) await assert.rejects(scores, { code: 'engine_unavailable' })
  })
})
