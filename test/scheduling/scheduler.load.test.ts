import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ServiceError } from '../../src/errors.ts'
import { alsoAbortedBy, type SchedulerLimits, type ScoringJob, type WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { fakeScores } from '../support/fake-engine.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'

const LIMITS: SchedulerLimits = { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1e9 }

function within(deadlineAtMs: number): WorkTerms {
  return { signal: new AbortController().signal, deadlineAtMs }
}

let jobs = 0

/** Jobs that feed `tokens` tokens, all of the given id; no two are equal. */
function jobsOf(count: number, tokens: number, id: number): ScoringJob[] {
  return Array.from({ length: count }, () => ({
    sequence: { ids: new Int32Array(tokens + 1).fill(id, 0, tokens).fill(++jobs, tokens), firstScored: 1 },
    topCount: null
  }))
}

/** A scheduler that knows the speed of its engine, 1 ms a token. */
async function seasoned(limits = LIMITS): Promise<{ engine: SimulatedEngine; scheduler: Scheduler }> {
  const engine = new SimulatedEngine(1)
  const scheduler = new Scheduler(engine, limits, () => engine.nowMs)
  await Promise.all(scheduler.submit(jobsOf(30, 50, 0), within(Number.POSITIVE_INFINITY)))
  engine.batches.length = 0
  return { engine, scheduler }
}

/** In which batch, from 0, each sequence with this id ran. */
function turnsOf(engine: SimulatedEngine, id: number): number[] {
  return engine.batches.flatMap(({ sequences }, batch) => sequences.filter(({ ids }) => ids[0] === id).map(() => batch))
}

describe('Scheduler, when more waits than can be done', () => {
  it('takes whatever fits into its limit while it does not know its speed', () => {
    const scheduler = new Scheduler(new SimulatedEngine(1000), LIMITS)
    assert.equal(scheduler.submit(jobsOf(100, 50, 1), within(performance.now() + 1)).length, 100)
  })

  it('holds work up to the deadline and refuses what cannot be done before it, with the seconds after which there is room', async () => {
    const { engine, scheduler } = await seasoned()
    const { nowMs } = engine
    const held = scheduler.submit(jobsOf(900, 10, 1), within(nowMs + 10_000))
    const dropped: [string, number][] = []
    scheduler.observe({ jobsDropped: (reason, count) => dropped.push([reason, count]) })
    // 9000 ms of work wait; with 2500 more it is 2500 beyond the tenth that is kept in hand.
    assert.throws(() => scheduler.submit(jobsOf(250, 10, 2), within(nowMs + 10_000)), { code: 'queue_full', retryAfterSeconds: 3 })
    assert.throws(() => scheduler.submit(jobsOf(1, 10, 2), within(nowMs + 10_000)), { code: 'queue_full', retryAfterSeconds: 1 })
    assert.deepEqual(dropped, [
      ['queue_full', 250],
      ['queue_full', 1]
    ])
    await Promise.all(held)
    assert.ok(engine.nowMs <= nowMs + 10_000)
    assert.deepEqual(turnsOf(engine, 2), [])
  })

  it('refuses a request that cannot be done in time even alone', async () => {
    const { engine, scheduler } = await seasoned()
    assert.throws(() => scheduler.submit(jobsOf(100, 10, 1), within(engine.nowMs + 1000)), { code: 'queue_full', message: /1000 tokens, 1\.0 s of computing/ })
  })

  it('keeps the deadline of work that something else can abort too', async () => {
    const { engine, scheduler } = await seasoned()
    const other = new AbortController()
    const terms = alsoAbortedBy(within(engine.nowMs + 1000), other.signal)
    assert.throws(() => scheduler.submit(jobsOf(100, 10, 1), terms), { code: 'queue_full' })
    other.abort(new ServiceError('internal_error', 'another of the request failed'))
    assert.throws(() => scheduler.submit(jobsOf(1, 10, 1), terms), { code: 'internal_error' })
    // @ts-expect-error a bare signal has no terms
    assert.throws(() => scheduler.submit(jobsOf(1, 10, 1), AbortSignal.any([terms.signal])), TypeError)
  })

  it('takes a request with a later deadline that an earlier one leaves time for', async () => {
    const { engine, scheduler } = await seasoned()
    const { nowMs } = engine
    const first = Promise.all(scheduler.submit(jobsOf(90, 10, 1), within(nowMs + 1000))).then(() => engine.nowMs)
    const second = Promise.all(scheduler.submit(jobsOf(90, 10, 2), within(nowMs + 2000))).then(() => engine.nowMs)
    // In turns alone the first would end at 1700.
    assert.ok((await first) <= nowMs + 1000)
    assert.ok((await second) <= nowMs + 2000)
  })

  it('does not let newcomers make late what it has taken', async () => {
    const { engine, scheduler } = await seasoned()
    const deadlineAtMs = engine.nowMs + 5000
    const taken = Promise.all(scheduler.submit(jobsOf(400, 10, 1), within(deadlineAtMs))).then(() => engine.nowMs)
    const others: Promise<unknown>[] = []
    let refused = 0
    engine.onBatch = () => {
      try {
        others.push(...scheduler.submit(jobsOf(9, 10, 2), within(engine.nowMs + 1000)))
      } catch {
        refused++
      }
      if (engine.batches.length === 60) engine.onBatch = () => {}
    }
    assert.ok((await taken) <= deadlineAtMs)
    await Promise.all(others)
    assert.ok(others.length > 0 && refused > 0, `${others.length} sequences taken, ${refused} requests refused`)
  })
})

describe('Scheduler, in turns', () => {
  it('serves a small request between the sequences of a huge one', async () => {
    const { engine, scheduler } = await seasoned()
    const huge = scheduler.submit(jobsOf(1000, 10, 1), within(Number.POSITIVE_INFINITY))
    const small = scheduler.submit(jobsOf(3, 10, 2), within(Number.POSITIVE_INFINITY))
    await Promise.all([...huge, ...small])
    assert.ok(Math.max(...turnsOf(engine, 2)) <= 1, `batches ${turnsOf(engine, 2)}`)
  })

  it('serves one that comes late as soon as one that came early', async () => {
    const { engine, scheduler } = await seasoned()
    const waiting = scheduler.submit(jobsOf(500, 10, 1), within(Number.POSITIVE_INFINITY))
    engine.onBatch = () => {
      if (engine.batches.length === 20) waiting.push(...scheduler.submit(jobsOf(3, 10, 2), within(Number.POSITIVE_INFINITY)))
    }
    await Promise.all(waiting)
    assert.ok(Math.max(...turnsOf(engine, 2)) <= 21, `batches ${turnsOf(engine, 2)}`)
  })

  it('gives requests that wait equal tokens, whatever the length of their sequences', async () => {
    const lengths = fc.integer({ min: 3, max: 60 })
    await fc.assert(
      fc.asyncProperty(fc.array(lengths, { minLength: 2, maxLength: 5 }), async (tokens) => {
        const { engine, scheduler } = await seasoned()
        const work = tokens.map((length, id) => scheduler.submit(jobsOf(Math.ceil(1500 / length), length, id + 1), within(Number.POSITIVE_INFINITY)))
        await Promise.all(work.flat())
        const served = tokens.map(() => 0)
        for (const { sequences } of engine.batches) {
          for (const { ids } of sequences) served[ids[0]! - 1]! += ids.length - 1
          // Until the first has all it wanted; a batch may hold sequences of one request alone.
          if (Math.max(...served) >= 1500) break
          assert.ok(Math.max(...served) - Math.min(...served) <= 2 * LIMITS.maxBatchTokens, served.join(' '))
        }
      }),
      { numRuns: 30 }
    )
  })
})

describe('Scheduler, whatever comes', () => {
  const request = fc.record({
    lengths: fc
      .record({ count: fc.integer({ min: 1, max: 60 }), longest: fc.integer({ min: 1, max: 70 }) })
      .map(({ count, longest }) => Array.from({ length: count }, (_, at) => 1 + (at % longest))),
    // The tenth that is kept in hand is ten batches or more, as it is with the default settings.
    allowedMs: fc.integer({ min: 10_000, max: 20_000 }),
    afterBatches: fc.integer({ min: 0, max: 30 }),
    leaves: fc.boolean()
  })

  it('does all that it took in time, mixes nothing, keeps to its budget and comes to an end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 10, maxLength: 40 }), async (requests) => {
        const { engine, scheduler } = await seasoned()
        const ends: Promise<void>[] = []
        const submit = (index: number): void => {
          const { lengths, allowedMs } = requests[index]!
          const deadlineAtMs = engine.nowMs + allowedMs
          const wanted = lengths.flatMap((length, at) => jobsOf(1, length, 100 * index + at))
          try {
            const scores = scheduler.submit(wanted, within(deadlineAtMs))
            ends.push(
              Promise.all(scores).then((rows) => {
                assert.ok(engine.nowMs <= deadlineAtMs, `${engine.nowMs - deadlineAtMs} ms late`)
                assert.deepEqual(
                  rows,
                  wanted.map(({ sequence }) => fakeScores(sequence))
                )
              })
            )
          } catch (error) {
            assert.equal((error as ServiceError).code, 'queue_full')
          }
        }
        const later = new Map<number, number[]>()
        requests.forEach(({ afterBatches }, index) => later.set(afterBatches, [...(later.get(afterBatches) ?? []), index]))
        engine.onBatch = () => {
          for (const index of later.get(engine.batches.length) ?? []) submit(index)
        }
        for (const index of later.get(0) ?? []) submit(index)
        for (let seen = -1; seen !== ends.length; ) {
          seen = ends.length
          await Promise.all(ends)
        }
        assert.deepEqual([scheduler.queued, scheduler.isIdle], [{ sequences: 0, tokens: 0 }, true])
        for (const { sequences } of engine.batches) {
          const padded = sequences.length * Math.max(...sequences.map(({ ids }) => ids.length - 1))
          assert.ok(sequences.length === 1 || padded <= LIMITS.maxBatchTokens, `${padded} tokens`)
        }
      }),
      { numRuns: 15, endOnFailure: true }
    )
  })

  it('counts each sequence once, as scored or as dropped, and none of those that left is run afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 20 }), async (requests) => {
        const { engine, scheduler } = await seasoned()
        let scored = 0
        let dropped = 0
        scheduler.observe({
          batchDone: ({ sequences }) => {
            scored += sequences
          },
          jobsDropped: (_, count) => {
            dropped += count
          }
        })
        const leaving: AbortController[] = []
        const promises = requests.flatMap(({ lengths, leaves }, index) => {
          const client = new AbortController()
          if (leaves) leaving.push(client)
          return scheduler.submit(
            lengths.flatMap((length) => jobsOf(1, length, leaves ? 7 : 1000 + index)),
            { signal: client.signal }
          )
        })
        let batchesWhenTheyLeft = 0
        engine.onBatch = () => {
          if (engine.batches.length !== 2) return
          batchesWhenTheyLeft = engine.batches.length
          for (const client of leaving) client.abort(new ServiceError('client_closed_request', 'gone'))
        }
        await Promise.allSettled(promises)
        await new Promise((resolve) => setImmediate(resolve))
        assert.equal(scored + dropped, promises.length)
        if (batchesWhenTheyLeft > 0) assert.ok(turnsOf(engine, 7).every((batch) => batch < batchesWhenTheyLeft))
        assert.deepEqual([scheduler.queued, scheduler.isIdle], [{ sequences: 0, tokens: 0 }, true])
      }),
      { numRuns: 60 }
    )
  })
})
