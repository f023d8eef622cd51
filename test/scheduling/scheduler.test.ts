import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ServiceError } from '../../src/errors.ts'
import type { ScoringJob, WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler, type SchedulerLimits } from '../../src/scheduling/scheduler.ts'
import { FakeEngine, fakeScores } from '../support/fake-engine.ts'
import { present } from '../support/present.ts'

const LIMITS: SchedulerLimits = { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1000 }

/** Terms of a request that is never aborted. */
function never(): WorkTerms {
  return { signal: new AbortController().signal }
}

/** A job that feeds `tokens` tokens, all of the given id. */
function jobOf(tokens: number, id = 1, topCount: number | null = null): ScoringJob {
  return { sequence: { ids: new Int32Array(tokens + 1).fill(id), firstScored: 1 }, topCount }
}

/** The first id of every sequence, batch by batch. */
function idsOf(engine: FakeEngine): number[][] {
  return engine.batches.map(({ sequences }) => sequences.map(({ ids }) => ids[0]!))
}

function failing(code: 'internal_error' | 'engine_unavailable', faulty: number): FakeEngine {
  const engine = new FakeEngine()
  engine.failureFor = ({ ids }) => (ids[0] === faulty ? new ServiceError(code, 'the fake fails') : null)
  return engine
}

async function codesOf(promises: readonly Promise<unknown>[]): Promise<string[]> {
  return (await Promise.allSettled(promises)).map((outcome) => (outcome.status === 'fulfilled' ? 'scored' : (outcome.reason as ServiceError).code))
}

describe('Scheduler', () => {
  it('puts the jobs of one request into one batch', async () => {
    const engine = new FakeEngine()
    await Promise.all(new Scheduler(engine, LIMITS).submit([jobOf(10, 1), jobOf(10, 2)], never()))
    assert.deepEqual(idsOf(engine), [[1, 2]])
  })

  it('collects the jobs that arrive while the engine is busy into the next batch', async () => {
    const engine = new FakeEngine({ held: true })
    const scheduler = new Scheduler(engine, LIMITS)
    const first = scheduler.submit([jobOf(10, 1)], never())
    await engine.received(1)
    const others = [2, 3, 4].flatMap((id) => scheduler.submit([jobOf(10, id)], never()))
    assert.deepEqual(scheduler.queued, { sequences: 3, tokens: 30 })
    engine.release()
    await Promise.all(first)
    await engine.received(2)
    assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
    engine.release()
    await Promise.all(others)
    assert.deepEqual(idsOf(engine), [[1], [2, 3, 4]])
  })

  it('requests as many top tokens for a batch as its most demanding job', async () => {
    const engine = new FakeEngine()
    await Promise.all(new Scheduler(engine, LIMITS).submit([jobOf(10, 1, 0), jobOf(10, 2, 5), jobOf(10, 3)], never()))
    await Promise.all(new Scheduler(engine, LIMITS).submit([jobOf(10)], never()))
    assert.deepEqual(
      engine.batches.map(({ topCount }) => topCount),
      [5, null]
    )
  })

  it('answers every job with the scores of its own sequence', async () => {
    const sequence = fc
      .array(fc.nat(500), { minLength: 2, maxLength: 40 })
      .map((ids) => ({ ids: Int32Array.from(ids), firstScored: 1 + (ids[0]! % (ids.length - 1)) }))
    const requests = fc.array(fc.array(sequence, { maxLength: 6 }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(requests, async (batches) => {
        const scheduler = new Scheduler(new FakeEngine(), { ...LIMITS, maxQueueTokens: 1e6 })
        const promises = batches.flatMap((sequences) =>
          scheduler.submit(
            sequences.map((one) => ({ sequence: one, topCount: null })),
            never()
          )
        )
        // Equal sequences are computed once, which `work` shows.
        const rows = (await Promise.all(promises)).map(({ work: _, ...numbers }) => numbers)
        assert.deepEqual(rows, batches.flat().map(fakeScores))
        assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
      })
    )
  })

  it('reports each batch to its observer', async () => {
    const scheduler = new Scheduler(new FakeEngine(), LIMITS)
    const seen: object[] = []
    scheduler.observe({ batchDone: ({ queueMs: _, ...batch }) => seen.push(batch) })
    await Promise.all(scheduler.submit([jobOf(10), jobOf(9)], never()))
    assert.deepEqual(seen, [{ sequences: 2, tokens: 19, paddedTokens: 20, cachedTokens: 0, runMs: 1 }])
  })
})

describe('Scheduler, when a request is aborted', () => {
  it('drops waiting jobs and rejects them with the reason', async () => {
    const engine = new FakeEngine({ held: true })
    const scheduler = new Scheduler(engine, LIMITS)
    const dropped: [string, number][] = []
    scheduler.observe({ jobsDropped: (reason, count) => dropped.push([reason, count]) })
    const running = scheduler.submit([jobOf(10, 1)], never())
    await engine.received(1)
    const client = new AbortController()
    const aborted = scheduler.submit([jobOf(10, 2), jobOf(10, 3)], { signal: client.signal })
    const staying = scheduler.submit([jobOf(10, 4)], never())
    client.abort(new ServiceError('deadline_exceeded', 'too late'))
    assert.deepEqual(await codesOf(aborted), ['deadline_exceeded', 'deadline_exceeded'])
    assert.deepEqual(scheduler.queued, { sequences: 1, tokens: 10 })
    assert.deepEqual(dropped, [['deadline_exceeded', 2]])

    engine.release()
    await engine.received(2)
    engine.release()
    await Promise.all([...running, ...staying])
    assert.deepEqual(idsOf(engine), [[1], [4]])
  })

  it('rejects running jobs at once and still answers the other jobs of their batch', async () => {
    const engine = new FakeEngine({ held: true })
    const scheduler = new Scheduler(engine, LIMITS)
    const client = new AbortController()
    const aborted = scheduler.submit([jobOf(10, 1)], { signal: client.signal })
    const staying = scheduler.submit([jobOf(10, 2)], never())
    await engine.received(1)
    client.abort(new ServiceError('client_closed_request', 'the client disconnected'))
    assert.deepEqual(await codesOf(aborted), ['client_closed_request'])
    engine.release()
    assert.deepEqual(await Promise.all(staying), [fakeScores(jobOf(10, 2).sequence)])
  })

  it('queues nothing of a request that is already aborted', () => {
    const scheduler = new Scheduler(new FakeEngine(), LIMITS)
    const reason = new ServiceError('deadline_exceeded', 'too late')
    assert.throws(() => scheduler.submit([jobOf(10)], { signal: AbortSignal.abort(reason) }), reason)
    assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
  })
})

describe('Scheduler with a full queue', () => {
  it('refuses a whole request, with the seconds after which to retry', async () => {
    const engine = new FakeEngine({ held: true })
    const scheduler = new Scheduler(engine, { ...LIMITS, maxQueueTokens: 3000 })
    void scheduler.submit([jobOf(10)], never())
    await engine.received(1)
    void scheduler.submit([jobOf(2500)], never())
    const dropped: [string, number][] = []
    scheduler.observe({ jobsDropped: (reason, count) => dropped.push([reason, count]) })

    // 10 tokens run and 2500 wait; the assumed speed is 1000 tokens per second.
    assert.throws(
      () => scheduler.submit([jobOf(10, 2), jobOf(491)], never()),
      (error: ServiceError) => {
        assert.equal(error.code, 'queue_full')
        assert.ok(Math.abs(present(error.retryAfterSeconds) - 2.5) < 0.02, `${error.retryAfterSeconds} s`)
        return true
      }
    )
    assert.deepEqual(scheduler.queued, { sequences: 1, tokens: 2500 })
    assert.deepEqual(dropped, [['queue_full', 2]])
    assert.equal(scheduler.submit([jobOf(10, 2), jobOf(490)], never()).length, 2)
  })

  it('admits a request of any size when nothing waits', async () => {
    const engine = new FakeEngine()
    const jobs = Array.from({ length: 30 }, (_, id) => jobOf(50, id))
    const scores = await Promise.all(new Scheduler(engine, { ...LIMITS, maxQueueTokens: 100 }).submit(jobs, never()))
    assert.deepEqual(
      scores,
      jobs.map(({ sequence }) => fakeScores(sequence))
    )
  })
})

describe('Scheduler, when a batch fails', () => {
  it('retries its jobs one by one, and only the faulty one fails', async () => {
    const engine = failing('internal_error', 2)
    const outcomes = new Scheduler(engine, LIMITS).submit([jobOf(10, 1), jobOf(10, 2), jobOf(10, 3)], never())
    assert.deepEqual(await codesOf(outcomes), ['scored', 'internal_error', 'scored'])
    assert.deepEqual(idsOf(engine), [[1, 2, 3], [1], [2], [3]])
  })

  it('retries them before other waiting work', async () => {
    const engine = failing('internal_error', 2)
    const scheduler = new Scheduler(engine, { ...LIMITS, maxBatchTokens: 20 })
    const outcomes = scheduler.submit([jobOf(10, 1), jobOf(10, 2), jobOf(10, 3)], never())
    assert.deepEqual(await codesOf(outcomes), ['scored', 'internal_error', 'scored'])
    assert.deepEqual(idsOf(engine), [[1, 2], [1], [2], [3]])
    assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
  })

  it('does not retry jobs that were aborted meanwhile', async () => {
    const engine = new FakeEngine({ held: true })
    engine.failureFor = ({ ids }) => (ids[0] === 2 ? new ServiceError('internal_error', 'the fake fails') : null)
    const scheduler = new Scheduler(engine, LIMITS)
    const client = new AbortController()
    const aborted = scheduler.submit([jobOf(10, 1)], { signal: client.signal })
    const staying = scheduler.submit([jobOf(10, 2)], never())
    await engine.received(1)
    client.abort(new ServiceError('client_closed_request', 'the client disconnected'))
    engine.release()
    await engine.received(2)
    engine.release()
    assert.deepEqual(await codesOf([...aborted, ...staying]), ['client_closed_request', 'internal_error'])
    assert.deepEqual(idsOf(engine), [[1, 2], [2]])
  })

  it('drops a waiting retry that is aborted', async () => {
    const engine = new FakeEngine({ held: true })
    engine.failureFor = ({ ids }) => (ids[0] === 1 ? new ServiceError('internal_error', 'the fake fails') : null)
    const scheduler = new Scheduler(engine, LIMITS)
    const staying = scheduler.submit([jobOf(10, 1)], never())
    const client = new AbortController()
    const aborted = scheduler.submit([jobOf(10, 2)], { signal: client.signal })
    await engine.received(1)
    engine.release()
    await engine.received(2)
    client.abort(new ServiceError('client_closed_request', 'the client disconnected'))
    assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
    engine.release()
    assert.deepEqual(await codesOf([...staying, ...aborted]), ['internal_error', 'client_closed_request'])
    assert.deepEqual(idsOf(engine), [[1, 2], [1]])
  })

  it('fails all jobs at once when no engine can retry them', async () => {
    const engine = failing('engine_unavailable', 2)
    const outcomes = new Scheduler(engine, LIMITS).submit([jobOf(10, 1), jobOf(10, 2)], never())
    assert.deepEqual(await codesOf(outcomes), ['engine_unavailable', 'engine_unavailable'])
    assert.equal(engine.batches.length, 1)
  })

  it('runs the next batch after a failure', async () => {
    const scheduler = new Scheduler(failing('internal_error', 1), LIMITS)
    assert.deepEqual(await codesOf(scheduler.submit([jobOf(10, 1)], never())), ['internal_error'])
    assert.deepEqual(await codesOf(scheduler.submit([jobOf(10, 2)], never())), ['scored'])
  })
})
