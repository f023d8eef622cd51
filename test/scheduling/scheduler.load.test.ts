import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { elementAt } from '../../src/element-at.ts'
import { ServiceError } from '../../src/errors.ts'
import { alsoAbortedBy, type ScoringJob, type WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler, type SchedulerLimits } from '../../src/scheduling/scheduler.ts'
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

/** A scheduler that has measured the speed of its engine, 1 ms per token. */
async function warmedUp(limits = LIMITS): Promise<{ engine: SimulatedEngine; scheduler: Scheduler }> {
  const engine = new SimulatedEngine(1)
  const scheduler = new Scheduler(engine, limits, () => engine.nowMs)
  await Promise.all(scheduler.submit(jobsOf(30, 50, 0), within(Number.POSITIVE_INFINITY)))
  engine.batches.length = 0
  return { engine, scheduler }
}

/** The index of the batch in which each sequence with this id ran. */
function batchesWith(engine: SimulatedEngine, id: number): number[] {
  return engine.batches.flatMap(({ sequences }, batch) => sequences.filter(({ ids }) => ids[0] === id).map(() => batch))
}

describe('Scheduler under overload', () => {
  it('no longer expects the work of a request that was submitted, under another signal too', async () => {
    const { scheduler } = await warmedUp()
    for (let sent = 0; sent < 50; sent++) {
      const terms = within(Number.POSITIVE_INFINITY)
      scheduler.assertRoom(100, 1, terms)
      await Promise.all(scheduler.submit(jobsOf(1, 100, 1), alsoAbortedBy(terms, new AbortController().signal)))
    }
    assert.equal(scheduler.backlogSeconds, 1)
  })

  it('admits whatever fits into the queue while the speed is unknown', () => {
    const scheduler = new Scheduler(new SimulatedEngine(1000), LIMITS)
    assert.equal(scheduler.submit(jobsOf(100, 50, 1), within(performance.now() + 1)).length, 100)
  })

  it('queues work up to the deadline and refuses what cannot meet it, with the seconds that the work before it takes', async () => {
    const { engine, scheduler } = await warmedUp()
    const { nowMs } = engine
    const queued = scheduler.submit(jobsOf(900, 10, 1), within(nowMs + 10_000))
    const dropped: [string, number][] = []
    scheduler.observe({ jobsDropped: (reason, count) => dropped.push([reason, count]) })
    // 9000 ms of work wait, which leaves the margin of a tenth: 2500 ms more are 2500 too many.
    assert.throws(() => scheduler.submit(jobsOf(250, 10, 2), within(nowMs + 10_000)), { code: 'queue_full', retryAfterSeconds: 9 })
    assert.throws(() => scheduler.submit(jobsOf(1, 10, 2), within(nowMs + 10_000)), { code: 'queue_full', retryAfterSeconds: 9 })
    assert.deepEqual(dropped, [
      ['queue_full', 250],
      ['queue_full', 1]
    ])
    await Promise.all(queued)
    assert.ok(engine.nowMs <= nowMs + 10_000)
    assert.deepEqual(batchesWith(engine, 2), [])
  })

  it('refuses a request that cannot meet its deadline even alone', async () => {
    const { engine, scheduler } = await warmedUp()
    assert.throws(() => scheduler.submit(jobsOf(100, 10, 1), within(engine.nowMs + 1000)), { code: 'queue_full', message: /1000 tokens, 1\.0 s of computing/ })
  })

  it('keeps the deadline of work that a second signal can abort', async () => {
    const { engine, scheduler } = await warmedUp()
    const other = new AbortController()
    const terms = alsoAbortedBy(within(engine.nowMs + 1000), other.signal)
    assert.throws(() => scheduler.submit(jobsOf(100, 10, 1), terms), { code: 'queue_full' })
    other.abort(new ServiceError('internal_error', 'another job of the request failed'))
    assert.throws(() => scheduler.submit(jobsOf(1, 10, 1), terms), { code: 'internal_error' })
    // @ts-expect-error a bare signal is no WorkTerms
    assert.throws(() => scheduler.submit(jobsOf(1, 10, 1), AbortSignal.any([terms.signal])), TypeError)
  })

  it('admits a later deadline when earlier ones leave time for it', async () => {
    const { engine, scheduler } = await warmedUp()
    const { nowMs } = engine
    const first = Promise.all(scheduler.submit(jobsOf(90, 10, 1), within(nowMs + 1000))).then(() => engine.nowMs)
    const second = Promise.all(scheduler.submit(jobsOf(80, 10, 2), within(nowMs + 3000))).then(() => engine.nowMs)
    // The second has fewer tokens: without deadlines it would come first, and the first end at 1700.
    assert.ok((await first) <= nowMs + 1000)
    assert.ok((await second) <= nowMs + 3000)
  })

  it('refuses newcomers that would make admitted work late', async () => {
    const { engine, scheduler } = await warmedUp()
    const deadlineAtMs = engine.nowMs + 5000
    const admitted = Promise.all(scheduler.submit(jobsOf(400, 10, 1), within(deadlineAtMs))).then(() => engine.nowMs)
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
    assert.ok((await admitted) <= deadlineAtMs)
    await Promise.all(others)
    assert.ok(others.length > 0 && refused > 0, `${others.length} sequences admitted, ${refused} requests refused`)
  })
})

describe('Scheduler with fair turns', () => {
  it('serves a small request between the sequences of a huge one', async () => {
    const { engine, scheduler } = await warmedUp()
    const huge = scheduler.submit(jobsOf(1000, 10, 1), within(Number.POSITIVE_INFINITY))
    const small = scheduler.submit(jobsOf(3, 10, 2), within(Number.POSITIVE_INFINITY))
    await Promise.all([...huge, ...small])
    assert.ok(Math.max(...batchesWith(engine, 2)) <= 1, `batches ${batchesWith(engine, 2)}`)
  })

  it('serves a late small request as soon as an early one', async () => {
    const { engine, scheduler } = await warmedUp()
    const waiting = scheduler.submit(jobsOf(500, 10, 1), within(Number.POSITIVE_INFINITY))
    engine.onBatch = () => {
      if (engine.batches.length === 20) waiting.push(...scheduler.submit(jobsOf(3, 10, 2), within(Number.POSITIVE_INFINITY)))
    }
    await Promise.all(waiting)
    assert.ok(Math.max(...batchesWith(engine, 2)) <= 21, `batches ${batchesWith(engine, 2)}`)
  })

  it('finishes no request later than turns would, but for the batch that it ends in', async () => {
    const lengths = fc.integer({ min: 3, max: 60 })
    await fc.assert(
      fc.asyncProperty(fc.array(lengths, { minLength: 2, maxLength: 5 }), async (tokens) => {
        const { engine, scheduler } = await warmedUp()
        const startMs = engine.nowMs
        const counts = tokens.map((length, index) => Math.ceil((1500 * (index + 1)) / length))
        const ends = await Promise.all(
          tokens.map(async (length, index) => {
            await Promise.all(scheduler.submit(jobsOf(elementAt(counts, index), length, index + 1), within(Number.POSITIVE_INFINITY)))
            return engine.nowMs - startMs
          })
        )
        const sizes = tokens.map((length, index) => elementAt(counts, index) * length)
        for (const [index, size] of sizes.entries()) {
          const withTurns = sizes.reduce((sum, other) => sum + Math.min(other, size), 0)
          assert.ok(elementAt(ends, index) <= withTurns + 2 * LIMITS.maxBatchTokens, `request ${index}: ${ends} of ${sizes}`)
        }
      }),
      { numRuns: 30 }
    )
  })
})

describe('Scheduler with random requests', () => {
  const request = fc.record({
    lengths: fc
      .record({ count: fc.integer({ min: 1, max: 60 }), longest: fc.integer({ min: 1, max: 70 }) })
      .map(({ count, longest }) => Array.from({ length: count }, (_, at) => 1 + (at % longest))),
    // The margin of a tenth is ten batches or more, as with the default settings.
    allowedMs: fc.integer({ min: 10_000, max: 20_000 }),
    afterBatches: fc.integer({ min: 0, max: 30 }),
    isAborted: fc.boolean()
  })

  it('finishes all admitted work in time, mixes up no scores, keeps to its limits and terminates', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 10, maxLength: 40 }), async (requests) => {
        const { engine, scheduler } = await warmedUp()
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

  it('counts each sequence once, as scored or dropped, and runs no aborted one afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 20 }), async (requests) => {
        const { engine, scheduler } = await warmedUp()
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
        const aborted: AbortController[] = []
        const promises = requests.flatMap(({ lengths, isAborted }, index) => {
          const client = new AbortController()
          if (isAborted) aborted.push(client)
          return scheduler.submit(
            lengths.flatMap((length) => jobsOf(1, length, isAborted ? 7 : 1000 + index)),
            { signal: client.signal }
          )
        })
        let batchesAtAbort = 0
        engine.onBatch = () => {
          if (engine.batches.length !== 2) return
          batchesAtAbort = engine.batches.length
          for (const client of aborted) client.abort(new ServiceError('client_closed_request', 'the client disconnected'))
        }
        await Promise.allSettled(promises)
        await new Promise((resolve) => setImmediate(resolve))
        assert.equal(scored + dropped, promises.length)
        if (batchesAtAbort > 0) assert.ok(batchesWith(engine, 7).every((batch) => batch < batchesAtAbort))
        assert.deepEqual([scheduler.queued, scheduler.isIdle], [{ sequences: 0, tokens: 0 }, true])
      }),
      { numRuns: 60 }
    )
  })
})
