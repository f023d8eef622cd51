import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Batch } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import type { ScoringJob, WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler, type SchedulerLimits } from '../../src/scheduling/scheduler.ts'
import { FakeEngine, fakeScores } from '../support/fake-engine.ts'

const LIMITS: SchedulerLimits = { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1000 }

function never(): WorkTerms {
  return { signal: new AbortController().signal }
}

/** A job that feeds `tokens` tokens, all of the given id. */
function jobOf(tokens: number, id = 1): ScoringJob {
  return { sequence: { ids: new Int32Array(tokens + 1).fill(id), firstScored: 1 }, topCount: null }
}

/** A batch with one sequence per length, the first of them probed. */
function exactOf(...tokens: readonly number[]): Batch {
  return { sequences: tokens.map((count) => jobOf(count, 9).sequence), topCount: null, probe: { positions: [1, 2], textVocabSize: 10 } }
}

function idsOf(engine: FakeEngine): number[][] {
  return engine.batches.map(({ sequences }) => sequences.map(({ ids }) => ids[0]!))
}

/** A scheduler whose engine holds a first batch, of id 0, until the test releases it. */
async function busy(limits = LIMITS): Promise<{ engine: FakeEngine; scheduler: Scheduler; running: Promise<unknown> }> {
  const engine = new FakeEngine({ held: true })
  const scheduler = new Scheduler(engine, limits)
  const running = Promise.all(scheduler.submit([jobOf(10, 0)], never()))
  await engine.received(1)
  return { engine, scheduler, running }
}

/** Releases the first `batches` batches of the engine, each as soon as it arrives. */
async function drained(engine: FakeEngine, batches: number): Promise<void> {
  for (let answered = 1; answered <= batches; answered++) {
    await engine.received(answered)
    engine.release()
  }
}

describe('Scheduler with exact batches', () => {
  it('runs each exactly as given, with its probe and no other sequence', async () => {
    const { engine, scheduler, running } = await busy()
    const exactly = exactOf(10, 12)
    const scores = scheduler.submitAll([jobOf(10, 1), { exactly }, jobOf(10, 2)], never())
    await drained(engine, 3)
    await running
    assert.equal(engine.batches[2], exactly)
    assert.deepEqual(idsOf(engine), [[0], [1, 2], [9, 9]])
    assert.deepEqual((await scores[1]!).rows, exactly.sequences.map(fakeScores))
    assert.deepEqual((await scores[2]!).rows, [fakeScores(jobOf(10, 2).sequence)])
  })

  it('never merges two exact batches', async () => {
    const engine = new FakeEngine()
    await Promise.all(new Scheduler(engine, LIMITS).submitAll([{ exactly: exactOf(10) }, { exactly: exactOf(10) }], never()))
    assert.deepEqual(idsOf(engine), [[9], [9]])
  })

  it('counts queued tokens with padding, and refuses a request with too many', async () => {
    const { engine, scheduler, running } = await busy({ ...LIMITS, maxQueueTokens: 100 })
    const exact = scheduler.submitAll([{ exactly: exactOf(5, 20, 20) }], never())
    assert.deepEqual(scheduler.queued, { sequences: 1, tokens: 60 })
    assert.throws(() => scheduler.submitAll([{ exactly: exactOf(1, 21) }], never()), { code: 'queue_full' })
    const fitting = scheduler.submitAll([{ exactly: exactOf(1, 20) }], never())
    assert.equal(scheduler.queued.tokens, 100)
    await drained(engine, 3)
    await Promise.all([running, ...exact, ...fitting])
    assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
  })

  it('reports all their sequences and their padding to the observer', async () => {
    const scheduler = new Scheduler(new FakeEngine(), LIMITS)
    const seen: object[] = []
    scheduler.observe({ batchDone: ({ queueMs: _, ...batch }) => seen.push(batch) })
    await Promise.all(scheduler.submitAll([{ exactly: exactOf(4, 10) }], never()))
    assert.deepEqual(seen, [{ sequences: 2, tokens: 14, paddedTokens: 20, cachedTokens: 0, runMs: 1 }])
  })

  it('drops waiting ones when their request is aborted', async () => {
    const { engine, scheduler, running } = await busy()
    const client = new AbortController()
    const aborted = scheduler.submitAll([{ exactly: exactOf(10) }, jobOf(10, 3)], { signal: client.signal })
    const staying = scheduler.submitAll([{ exactly: exactOf(11) }], never())
    client.abort(new ServiceError('client_closed_request', 'the client disconnected'))
    for (const scores of aborted) await assert.rejects(scores, { code: 'client_closed_request' })
    assert.deepEqual(scheduler.queued, { sequences: 1, tokens: 11 })
    await drained(engine, 2)
    await Promise.all([running, ...staying])
    assert.deepEqual(idsOf(engine), [[0], [9]])
  })

  it('rejects one that fails, and runs the next', async () => {
    const engine = new FakeEngine()
    engine.failureFor = ({ ids }) => (ids.length === 11 ? new ServiceError('internal_error', 'the fake fails') : null)
    const scores = new Scheduler(engine, LIMITS).submitAll([{ exactly: exactOf(10, 4) }, { exactly: exactOf(3) }], never())
    await assert.rejects(scores[0]!, { code: 'internal_error' })
    assert.equal((await scores[1]!).rows.length, 1)
    assert.equal(engine.batches.length, 2)
  })
})

describe('Scheduler.runNext', () => {
  it('runs before all waiting work, and not in the running batch', async () => {
    const { engine, scheduler, running } = await busy()
    const waiting = scheduler.submit([jobOf(10, 1), jobOf(10, 2)], never())
    const canary = exactOf(10)
    const first = scheduler.runNext(canary, never().signal)
    assert.deepEqual(scheduler.queued, { sequences: 3, tokens: 30 })
    await drained(engine, 3)
    await Promise.all([running, first, ...waiting])
    assert.equal(engine.batches[1], canary)
    assert.deepEqual(idsOf(engine), [[0], [9], [1, 2]])
  })

  it('runs whatever the queue holds', async () => {
    const { engine, scheduler, running } = await busy({ ...LIMITS, maxQueueTokens: 10 })
    const waiting = scheduler.submit([jobOf(10, 1)], never())
    const next = scheduler.runNext(exactOf(40), never().signal)
    await drained(engine, 3)
    await Promise.all([running, next, ...waiting])
    assert.deepEqual(idsOf(engine), [[0], [9], [1]])
  })

  it('is dropped when aborted while waiting', async () => {
    const { engine, scheduler, running } = await busy()
    const client = new AbortController()
    const next = scheduler.runNext(exactOf(10), client.signal)
    client.abort(new ServiceError('client_closed_request', 'the client disconnected'))
    await assert.rejects(next, { code: 'client_closed_request' })
    assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
    await drained(engine, 1)
    await running
  })

  it('queues nothing when already aborted', () => {
    const scheduler = new Scheduler(new FakeEngine(), LIMITS)
    const reason = new ServiceError('client_closed_request', 'the client disconnected')
    assert.throws(() => scheduler.runNext(exactOf(10), AbortSignal.abort(reason)), reason)
    assert.equal(scheduler.isIdle, true)
  })
})

describe('Scheduler.disableBatching', () => {
  it('puts every sequence into its own batch, and leaves exact batches unchanged', async () => {
    const engine = new FakeEngine()
    const scheduler = new Scheduler(engine, LIMITS)
    scheduler.disableBatching()
    await Promise.all([...scheduler.submit([jobOf(10, 1), jobOf(10, 2), jobOf(3, 3)], never()), ...scheduler.submitAll([{ exactly: exactOf(2, 2) }], never())])
    // The second request has fewer tokens than the first.
    assert.deepEqual(idsOf(engine), [[9, 9], [1], [2], [3]])
  })
})

describe('Scheduler.isIdle', () => {
  it('is false from submission until all scores are returned', async () => {
    const engine = new FakeEngine({ held: true })
    const scheduler = new Scheduler(engine, LIMITS)
    assert.equal(scheduler.isIdle, true)
    const scores = scheduler.submit([jobOf(10), jobOf(80, 2)], never())
    assert.equal(scheduler.isIdle, false)
    await engine.received(1)
    assert.equal(scheduler.isIdle, false)
    engine.release()
    await engine.received(2)
    assert.equal(scheduler.queued.sequences, 0)
    assert.equal(scheduler.isIdle, false)
    engine.release()
    await Promise.all(scores)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(scheduler.isIdle, true)
  })
})
