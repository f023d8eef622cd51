import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RowScores } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import type { SchedulerLimits, ScoringJob, WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { FakeEngine, fakeScores } from '../support/fake-engine.ts'

const LIMITS: SchedulerLimits = { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1000 }
const KEEPING: SchedulerLimits = { ...LIMITS, resultCacheBytes: 1e6 }

function never(): WorkTerms {
  return { signal: new AbortController().signal }
}

/** A job that feeds `tokens` tokens, all of the given id. */
function jobOf(tokens: number, id = 1, topCount: number | null = null): ScoringJob {
  return { sequence: { ids: new Int32Array(tokens + 1).fill(id), firstScored: 1 }, topCount }
}

/** What the scheduler gives for a job that it did not compute for this request. */
function reusedScores({ sequence }: ScoringJob): RowScores {
  return { ...fakeScores(sequence), work: { computedTokens: 0, cachedTokens: sequence.ids.length - 1 } }
}

/** The first id of every sequence, batch by batch. */
function idsOf(engine: FakeEngine): number[][] {
  return engine.batches.map(({ sequences }) => sequences.map(({ ids }) => ids[0]!))
}

/** A scheduler whose engine holds a first batch, of job 0, and what it says of reuse. */
async function busy(limits = LIMITS) {
  const engine = new FakeEngine({ held: true })
  const scheduler = new Scheduler(engine, limits)
  const reused: [string, number][] = []
  scheduler.observe({ reused: (source, tokens) => reused.push([source, tokens]) })
  const leaving = new AbortController()
  const running = scheduler.submit([jobOf(10, 0)], { signal: leaving.signal })
  await engine.received(1)
  return { engine, scheduler, running, leaving, reused }
}

const GONE = new ServiceError('client_closed_request', 'gone')

describe('Scheduler, for equal sequences of several requests', () => {
  it('computes those that wait once', async () => {
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

  it('lets one wait for the same that already runs, and counts nothing for it', async () => {
    const { engine, scheduler, running, reused } = await busy()
    const [same] = scheduler.submit([jobOf(10, 0)], never())
    assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
    engine.release()
    assert.deepEqual(await Promise.all(running), [fakeScores(jobOf(10, 0).sequence)])
    assert.deepEqual(await same, reusedScores(jobOf(10, 0)))
    assert.equal(engine.batches.length, 1)
    assert.deepEqual(reused, [['in_flight', 10]])
  })

  it('computes apart what differs in anything that is asked', async () => {
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

  it('never joins an exact batch with anything', async () => {
    const { engine, scheduler, running } = await busy()
    const exact = scheduler.submitAll([{ exactly: { sequences: [jobOf(10, 0).sequence], topCount: null } }], never())
    engine.release()
    await engine.received(2)
    engine.release()
    await Promise.all([...running, ...exact])
    assert.deepEqual(idsOf(engine), [[0], [0]])
  })

  it('goes on for the others when the one it runs for leaves', async () => {
    const { engine, scheduler, running, leaving } = await busy()
    const [same] = scheduler.submit([jobOf(10, 0)], never())
    leaving.abort(GONE)
    await assert.rejects(running[0]!, GONE)
    engine.release()
    assert.deepEqual(await same, reusedScores(jobOf(10, 0)))
  })

  it('still runs what waits for the others when the first of them leaves', async () => {
    const { engine, scheduler, running } = await busy()
    const leaving = new AbortController()
    const [gone] = scheduler.submit([jobOf(10, 1)], { signal: leaving.signal })
    const [same] = scheduler.submit([jobOf(10, 1)], never())
    leaving.abort(GONE)
    await assert.rejects(gone!, GONE)
    engine.release()
    await engine.received(2)
    engine.release()
    await Promise.all(running)
    assert.deepEqual(await same, fakeScores(jobOf(10, 1).sequence))
    assert.deepEqual(idsOf(engine), [[0], [1]])
  })

  it('answers nobody who left, whoever it runs for', async () => {
    const { engine, scheduler, running, reused } = await busy()
    const leaving = new AbortController()
    const [gone] = scheduler.submit([jobOf(10, 0)], { signal: leaving.signal })
    leaving.abort(GONE)
    await assert.rejects(gone!, GONE)
    engine.release()
    await Promise.all(running)
    assert.deepEqual(reused, [])
  })

  it('tries all who want the same again when their batch fails, with one computation', async () => {
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

describe('Scheduler that keeps results', () => {
  it('answers what was scored before without the engine, with the same numbers', async () => {
    const engine = new FakeEngine()
    const scheduler = new Scheduler(engine, KEEPING)
    const reused: [string, number][] = []
    scheduler.observe({ reused: (source, tokens) => reused.push([source, tokens]) })
    await Promise.all(scheduler.submit([jobOf(10, 1), jobOf(20, 2)], never()))
    const again = scheduler.submit([jobOf(20, 2), jobOf(10, 3)], never())
    assert.deepEqual(await Promise.all(again), [reusedScores(jobOf(20, 2)), fakeScores(jobOf(10, 3).sequence)])
    assert.deepEqual(idsOf(engine), [[1], [2], [3]])
    assert.deepEqual(reused, [['result', 20]])
  })

  it('takes what it knows however much waits', async () => {
    const { engine, scheduler, running } = await busy({ ...KEEPING, maxQueueTokens: 20 })
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

  it('runs exact batches and the canary whatever it knows', async () => {
    const engine = new FakeEngine()
    const scheduler = new Scheduler(engine, KEEPING)
    const exactly = { sequences: [jobOf(10, 1).sequence], topCount: null }
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    await Promise.all(scheduler.submitAll([{ exactly }], never()))
    await scheduler.runNext(exactly, never().signal)
    assert.equal(engine.batches.length, 3)
  })

  it('forgets all of an engine process that was replaced', async () => {
    const engine = Object.assign(new FakeEngine(), { restarts: 0 })
    const scheduler = new Scheduler(engine, KEEPING)
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    engine.restarts = 1
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    assert.equal(engine.batches.length, 2)
  })

  it('forgets when it is told to', async () => {
    const engine = new FakeEngine()
    const scheduler = new Scheduler(engine, KEEPING)
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    scheduler.forgetResults()
    await Promise.all(scheduler.submit([jobOf(10, 1)], never()))
    assert.equal(engine.batches.length, 2)
  })

  it('keeps nothing of what failed, and nothing unless it is given memory', async () => {
    const engine = new FakeEngine()
    let isFailing = true
    engine.failureFor = () => (isFailing ? new ServiceError('internal_error', 'the fake fails') : null)
    const scheduler = new Scheduler(engine, KEEPING)
    await assert.rejects(scheduler.submit([jobOf(10, 1)], never())[0]!, { code: 'internal_error' })
    isFailing = false
    assert.deepEqual(await scheduler.submit([jobOf(10, 1)], never())[0], fakeScores(jobOf(10, 1).sequence))

    const forgetful = new FakeEngine()
    const other = new Scheduler(forgetful, LIMITS)
    for (let i = 0; i < 2; i++) await Promise.all(other.submit([jobOf(10, 1)], never()))
    assert.equal(forgetful.batches.length, 2)
  })
})
