import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BatchQueue } from '../../src/engine/batch-queue.ts'
import type { Batch } from '../../src/engine/engine.ts'
import { PoisonList } from '../../src/engine/poison-list.ts'

function batchOf(...texts: readonly (readonly number[])[]): Batch {
  return { sequences: texts.map((ids) => ({ ids: Int32Array.from(ids), firstScored: 1 })), topCount: null }
}

const KILLER = [1, 2, 3]
const INNOCENT = [1, 2, 4]

/** Runs a batch until it is settled; the process crashes while a batch with the killer runs. Returns the crashes. */
async function crashesOf(poison: PoisonList, batch: Batch): Promise<{ readonly crashes: number; readonly code: string }> {
  const queue = new BatchQueue(poison)
  const code = queue.add(batch).then(
    () => 'scored',
    (error: { code: string }) => error.code
  )
  let crashes = 0
  for (let pending = queue.take(); pending !== undefined; pending = queue.take()) {
    if (pending.batch.sequences.some(({ ids }) => ids.join() === KILLER.join())) {
      crashes++
      queue.requeue()
    } else queue.finish(pending.batchId)?.resolve({ rows: [], probes: [], runMs: 1 })
  }
  return { crashes, code: await code }
}

describe('PoisonList', () => {
  it('finds the sequence that crashes the engine in one more crash than its batch took', async () => {
    const poison = new PoisonList()
    assert.deepEqual(await crashesOf(poison, batchOf(KILLER, INNOCENT)), { crashes: 2, code: 'engine_crashed' })
    assert.deepEqual(await crashesOf(poison, batchOf(INNOCENT)), { crashes: 0, code: 'scored' })
    assert.deepEqual(await crashesOf(poison, batchOf(KILLER)), { crashes: 1, code: 'poison_request' })
  })

  it('refuses the sequence without a crash when it is sent again, alone or among others', async () => {
    const poison = new PoisonList()
    assert.deepEqual(await crashesOf(poison, batchOf(KILLER)), { crashes: 2, code: 'poison_request' })
    assert.deepEqual(await crashesOf(poison, batchOf(KILLER)), { crashes: 0, code: 'poison_request' })
    assert.deepEqual(await crashesOf(poison, batchOf(INNOCENT, KILLER)), { crashes: 0, code: 'poison_request' })
    assert.deepEqual(await crashesOf(poison, batchOf(INNOCENT)), { crashes: 0, code: 'scored' })
  })

  it('refuses a batch of several sequences that crashed, although each may run alone', async () => {
    const poison = new PoisonList()
    await crashesOf(poison, batchOf(KILLER, INNOCENT))
    assert.deepEqual(await crashesOf(poison, batchOf(KILLER, INNOCENT)), { crashes: 0, code: 'poison_request' })
    assert.equal(poison.refusalOf(batchOf(INNOCENT, [7, 8])), null)
  })

  it('clears a sequence that was scored alone: it may crash twice again', async () => {
    const poison = new PoisonList()
    await crashesOf(poison, batchOf(KILLER, INNOCENT))
    assert.equal(poison.maxAttempts(batchOf(INNOCENT)), 1)
    await crashesOf(poison, batchOf(INNOCENT))
    assert.equal(poison.maxAttempts(batchOf(INNOCENT)), 2)
  })

  it('forgets after 10 minutes', async () => {
    let nowMs = 0
    const poison = new PoisonList(() => nowMs)
    await crashesOf(poison, batchOf(KILLER))
    nowMs = 599_999
    assert.equal(poison.refusalOf(batchOf(KILLER))?.code, 'poison_request')
    nowMs = 600_000
    assert.equal(poison.refusalOf(batchOf(KILLER)), null)
  })

  it('remembers the latest 1,024', () => {
    const poison = new PoisonList()
    for (let i = 0; i < 1025; i++) poison.crashed(batchOf([1, i]))
    assert.equal(poison.refusalOf(batchOf([1, 0])), null)
    assert.equal(poison.refusalOf(batchOf([1, 1]))?.code, 'poison_request')
    assert.equal(poison.refusalOf(batchOf([1, 1024]))?.code, 'poison_request')
  })

  it('names no token and no text', () => {
    assert.doesNotMatch(new PoisonList().crashed(batchOf([4711, 4712])).message, /471/)
  })
})
