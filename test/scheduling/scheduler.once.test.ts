import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RowScores } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import type { ScoringJob, WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler, type SchedulerLimits } from '../../src/scheduling/scheduler.ts'
import { FakeEngine, fakeScores } from '../support/fake-engine.ts'

const LIMITS: SchedulerLimits = { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1000 }
const CACHING: SchedulerLimits = { ...LIMITS, resultCacheBytes: 1e6 }

function never(): WorkTerms {
  return { signal: new AbortController().signal }
}

/** A job that feeds `tokens` tokens, all of the given id. */
function jobOf(tokens: number, id = 1, topCount: number | null = null): ScoringJob {
  return { sequence: { ids: new Int32Array(tokens + 1).fill(id), firstScored: 1 }, topCount }
}

/** The scores of a job that were computed for another request. */
function reusedScores({ sequence }: ScoringJob): RowScores {
  return { ...fakeScores(sequence), work: { computedTokens: 0, cachedTokens: sequence.ids.length - 1 } }
}

/** The first id of every sequence, batch by batch. */
function idsOf(engine: FakeEngine): number[][] {
  return engine.batches.map(({ sequences }) => sequences.map(({ ids }) => ids[0]!))
}

/** A scheduler whose engine holds a first batch, of job 0, and the reuse that it reports. */
async function busy(limits = LIMITS) {
  const engine = new FakeEngine({ held: true })
  const scheduler = new Scheduler(engine, limits)
  const reused: [string, number][] = []
  scheduler.observe({ reused: (source, tokens) => reused.push([source, tokens]) })
  const client = new AbortController()
  const running = scheduler.submit([jobOf(10, 0)], { signal: client.signal })
  await engine.received(1)
  return { engine, scheduler, running, client, reused }
}

const ABORTED = new ServiceError('client_closed_request', 'the client disconnected')

describe('Scheduler with equal sequences in several requests', () => {
  it('computes equal waiting sequences once', async () => {
    const { engine, scheduler, running, reused } = await busy()
    const [first, second] = [scheduler.submit([jobOf(10, 1), jobOf(10, 2)], never()), scheduler.submit([jobOf(10, 2), jobOf(10, 3)], never())]
    engine.release()
    await engine.received(2)
    assert.equal(scheduler.queued.tokens, 0)
    engine.release()
    await Promise.all(running)
    assert.deepEqual(
      (await Promise.all(first)).map(({ logProbs }) => logProbs),
      [1, 2].map((id) => fakeScores(jobOf(10, id).sequence).logProbs)
    )
    assert.deepEqual(
      (await Promise.all(second)).map(({ logProbs }) => logProbs),
      [2, 3].map((id) => fakeScores(jobOf(10, id).sequence).logProbs)
    )
    assert.deepEqual(
      idsOf(engine).map((batch) => batch.sort()),
      [[0], [1, 2, 3]]
    )
    assert.deepEqual(reused, [['in_flight', 10]])
  })

  it('joins a sequence to an equal running one, and queues no tokens for it', async () => {
    const { engine, scheduler, running, reused } = await busy()
    const [same] = scheduler.submit([jobOf(10, 0)], never())
    assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
    engine.release()
    assert.deepEqual(await Promise.all(running), [fakeScores(jobOf(10, 0).sequence)])
    assert.deepEqual(await same, reusedScores(jobOf(10, 0)))
    assert.equal(engine.batches.length, 1)
    assert.deepEqual(reused, [['in_flight', 10]])
  })

  it('computes jobs separately that differ in any option', async () => {
    const { engine, scheduler, running } = await busy()
    const { sequence } = jobOf(10, 0)
    const others = [
      { sequence, topCount: 1 },
      { sequence: { ...sequence, firstScored: 2 }, topCount: null },
      { sequence: { ...sequence, lastTokenCandidates: Int32Array.of(5) }, topCount: null },
      { sequence: { ...sequence, targets: new Int32Array(10) }, topCount: null }
    ].flatMap((job) => scheduler.submit([job], never()))
    assert.equal(scheduler.queued.sequences, 4)
    engine.release()
    await engine.received(2)
    engine.release()
    await Promise.all([...running, ...others])
    assert.equal(engine.batches[1]?.sequences.length, 4)
  })

  it('never joins an exact batch to other work', async () => {
    const { engine, scheduler, running } = await busy()
    const exact = scheduler.submitAll([{ exactly: { sequences: [jobOf(10, 0).sequence], topCount: null } }], never())
    engine.release()
    await engine.received(2)
    engine.release()
    await Promise.all([...running, ...exact])
    assert.deepEqual(idsOf(engine), [[0], [0]])
  })

  it('still answers the others when the request it runs for is aborted', async () => {
    const { engine, scheduler, running, client } = await busy()
    const [same] = scheduler.submit([jobOf(10, 0)], never())
    client.abort(ABORTED)
    await assert.rejects(running[0]!, ABORTED)
    engine.release()
    assert.deepEqual(await same, reusedScores(jobOf(10, 0)))
  })

  it('still runs waiting work when the first of the equal requests is aborted', async () => {
    const { engine, scheduler, running } = await busy()
    const client = new AbortController()
    const [aborted] = scheduler.submit([jobOf(10, 1)], { signal: client.signal })
    const [same] = scheduler.submit([jobOf(10, 1)], never())
    client.abort(ABORTED)
    await assert.rejects(aborted!, ABORTED)
    engine.release()
    await engine.received(2)
    engine.release()
    await Promise.all(running)
    assert.deepEqual(await same, fakeScores(jobOf(10, 1).sequence))
    assert.deepEqual(idsOf(engine), [[0], [1]])
  })

  it('does not answer an aborted request that joined a running one', async () => {
    const { engine, scheduler, running, reused } = await busy()
    const client = new AbortController()
    const [aborted] = scheduler.submit([jobOf(10, 0)], { signal: client.signal })
    client.abort(ABORTED)
    await assert.rejects(aborted!, ABORTED)
    engine.release()
    await Promise.all(running)
    assert.deepEqual(reused, [])
  })

  it('retries equal sequences of a failed batch with one computation', async () => {
    const engine = new FakeEngine({ held: true })
    engine.failureFor = ({ ids }) => (ids[0] === 2 ? new ServiceError('internal_error', 'the fake fails') : null)
    const scheduler = new Scheduler(engine, LIMITS)
    const first = scheduler.submit([jobOf(10, 1), jobOf(10, 2)], never())
    const second = scheduler.submit([jobOf(10, 1)], never())
    await engine.received(1)
    const third = scheduler.submit([jobOf(10, 1)], never())
    for (let batch = 1; batch <= 3; batch++) {
      await engine.received(batch)
      engine.release()
    }
    const outcomes = await Promise.allSettled([...first, ...second, ...third])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled']
    )
    assert.deepEqual(idsOf(engine), [[1, 2], [1], [2]])
    assert.deepEqual([scheduler.queued, engine.batches.length], [{ sequences: 0, tokens: 0 }, 3])
  })
})

describe('Scheduler with a result cache', () => {
  it('answers an earlier sequence without the engine, with the same scores', async () => {
    const engine = new FakeEngine()
    const scheduler = new Scheduler(engine, CACHING)
    const reused: [string, number][] = []
    scheduler.observe({ reused: (source, tokens) => reused.push([source, tokens]) })
    await Promise.all(scheduler.submit([jobOf(10, 1), jobOf(20, 2)], never()))
    const again = scheduler.submit([jobOf(20, 2), jobOf(10, 3)], never())
    assert.deepEqual(await Promise.all(again), [reusedScores(jobOf(20, 2)), fakeScores(jobOf(10, 3).sequence)])
    assert.deepEqual(idsOf(engine), [[1], [2], [3]])
    assert.deepEqual(reused, [['result', 20]])
  })

  it('answers from the cache even when the queue is full', async () => {
    const { engine, scheduler, running } = await busy({ ...CACHING, maxQueueTokens: 20 })
    engine.release()
    await Promise.all(running)
    const held = scheduler.submit([jobOf(10, 5)], never())
    await engine.received(2)
    const waiting = scheduler.submit([jobOf(20, 6)], never())
    assert.throws(() => scheduler.submit([jobOf(10, 7)], never()), { code: 'queue_full' })
    assert.deepEqual(await Promise.all(scheduler.submit([jobOf(10, 0)], never())), [reusedScores(jobOf(10, 0))])
    engine.release()
    await engine.received(3)
    engine.release()
    await Promise.all([...held, ...waiting])
  })

  it('runs exact batches and canaries despite cached results', async () => {
    const engine = new FakeEngine()
    const scheduler = new Scheduler(engine, CACHING)
    const exactly = { sequences: [jobOf(10, 1).sequence], topCount: null }
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    await Promise.all(scheduler.submitAll([{ exactly }], never()))
    await scheduler.runNext(exactly, never().signal)
    assert.equal(engine.batches.length, 3)
  })

  it('clears the cache when an engine process was replaced', async () => {
    const engine = Object.assign(new FakeEngine(), { restarts: 0 })
    const scheduler = new Scheduler(engine, CACHING)
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    engine.restarts = 1
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    assert.equal(engine.batches.length, 2)
  })

  it('clears the cache on forgetResults', async () => {
    const engine = new FakeEngine()
    const scheduler = new Scheduler(engine, CACHING)
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    scheduler.forgetResults()
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    assert.equal(engine.batches.length, 2)
  })

  it('stores no failures, and nothing when it has no memory', async () => {
    const engine = new FakeEngine()
    let isFailing = true
    engine.failureFor = () => (isFailing ? new ServiceError('internal_error', 'the fake fails') : null)
    const scheduler = new Scheduler(engine, CACHING)
    await assert.rejects(scheduler.submit([jobOf(10, 1)], never())[0]!, { code: 'internal_error' })
    isFailing = false
    assert.deepEqual(await scheduler.submit([jobOf(10, 1)], never())[0], fakeScores(jobOf(10, 1).sequence))

    const uncached = new FakeEngine()
    const other = new Scheduler(uncached, LIMITS)
    for (let i = 0; i < 2; i++) await Promise.all(other.submit([jobOf(10, 1)], never()))
    assert.equal(uncached.batches.length, 2)
  })
})
