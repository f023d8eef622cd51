import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import type { Priority, ScoringJob, WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler, type SchedulerLimits } from '../../src/scheduling/scheduler.ts'
import { FakeEngine, fakeScores } from '../support/fake-engine.ts'
import { present } from '../support/present.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'

const LIMITS: SchedulerLimits = { maxBatchTokens: 100, longTextTokens: 100, maxQueueTokens: 1e9 }

function terms(client: string, priority: Priority = 'interactive', deadlineAtMs = Number.POSITIVE_INFINITY): WorkTerms {
  return { signal: new AbortController().signal, client, priority, deadlineAtMs }
}

let jobs = 0

/** Jobs that feed `tokens` tokens, all of the given id; no two are equal. */
function jobsOf(count: number, tokens: number, id: number): ScoringJob[] {
  return Array.from({ length: count }, () => ({
    sequence: { ids: new Int32Array(tokens + 1).fill(id, 0, tokens).fill(++jobs, tokens), firstScored: 1 },
    topCount: null
  }))
}

/** Tokens fed by the first `batches` batches, by id. */
function servedBy(engine: { readonly batches: readonly Batch[] }, batches: number): Map<number, number> {
  const served = new Map<number, number>()
  for (const { sequences } of engine.batches.slice(0, batches))
    for (const { ids } of sequences) served.set(ids[0]!, (served.get(ids[0]!) ?? 0) + ids.length - 1)
  return served
}

describe('Scheduler with several clients', () => {
  it('gives a client with many requests no more tokens than a client with one', async () => {
    const engine = new SimulatedEngine(1)
    const scheduler = new Scheduler(engine, LIMITS, () => engine.nowMs)
    const many = Array.from({ length: 20 }, () => scheduler.submit(jobsOf(20, 10, 1), terms('many')))
    const one = scheduler.submit(jobsOf(100, 10, 2), terms('one'))
    await Promise.all([...many.flat(), ...one])
    // `one` has 1000 tokens and gets half of each batch, so it is done after 20 batches.
    const served = servedBy(engine, 20)
    assert.deepEqual([served.get(1), served.get(2)], [1000, 1000])
  })

  it('takes small batches while two clients are active, and whole ones for a client on its own', async () => {
    const limits = { ...LIMITS, maxBatchTokens: 1000 }
    const largest = async (clients: readonly string[]): Promise<number> => {
      const engine = new SimulatedEngine(1)
      const scheduler = new Scheduler(engine, limits, () => engine.nowMs)
      await Promise.all(clients.flatMap((client, id) => scheduler.submit(jobsOf(200, 10, id + 1), terms(client))))
      return Math.max(...engine.batches.map(({ sequences }) => sequences.length * 10))
    }
    assert.equal(await largest(['one', 'one']), 1000)
    assert.equal(await largest(['one', 'two']), limits.longTextTokens)
  })

  it('serves a small request of another client next, although a client fills the queue up to its deadlines', async () => {
    const engine = new SimulatedEngine(1)
    const scheduler = new Scheduler(engine, LIMITS, () => engine.nowMs)
    // The speed has to be known, or deadlines are ignored.
    await Promise.all(scheduler.submit(jobsOf(200, 10, 1), terms('warm')))
    engine.nowMs += 60_000
    const start = engine.batches.length
    const fill = scheduler.submit(jobsOf(880, 10, 1), terms('many', 'interactive', engine.nowMs + 10_000))
    assert.throws(() => scheduler.submit(jobsOf(100, 10, 1), terms('many', 'interactive', engine.nowMs + 10_000)), { code: 'queue_full' })
    const small = scheduler.submit(jobsOf(2, 10, 2), terms('one', 'interactive', engine.nowMs + 10_000))
    await Promise.all([...fill, ...small])
    const [first, second] = engine.batches.slice(start)
    const ids = [first, second].flatMap((batch) => present(batch).sequences.map(({ ids: [id] }) => id))
    assert.equal(ids.filter((id) => id === 2).length, 2)
  })

  it('leaves room for other clients in front of the deadline', async () => {
    const engine = new SimulatedEngine(1)
    const scheduler = new Scheduler(engine, LIMITS, () => engine.nowMs)
    const within = (client: string): WorkTerms => terms(client, 'interactive', engine.nowMs + 10_000)
    await Promise.all(scheduler.submit(jobsOf(200, 10, 1), within('many')))
    await Promise.all(scheduler.submit(jobsOf(1, 10, 2), within('one')))
    const queued = scheduler.submit(jobsOf(700, 10, 1), within('many'))
    // `many` has most of the queue: it may fill three quarters of the 10 s, `one` all of it.
    assert.throws(() => scheduler.submit(jobsOf(100, 10, 1), within('many')), { code: 'queue_full' })
    const other = scheduler.submit(jobsOf(250, 10, 2), within('one'))
    await Promise.all([...queued, ...other])
  })

  it('finishes the equal requests of one client one after the other', async () => {
    const engine = new SimulatedEngine(1)
    const scheduler = new Scheduler(engine, LIMITS, () => engine.nowMs)
    await Promise.all([1, 2].flatMap((id) => scheduler.submit(jobsOf(100, 10, id), terms('one'))))
    assert.deepEqual([...servedBy(engine, 10)], [[1, 1000]])
  })

  it('gives waiting clients equal tokens, whatever the number and length of their requests', async () => {
    const client = fc.record({ requests: fc.integer({ min: 1, max: 6 }), length: fc.integer({ min: 3, max: 60 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(client, { minLength: 2, maxLength: 4 }), async (clients) => {
        const engine = new SimulatedEngine(1)
        const scheduler = new Scheduler(engine, LIMITS, () => engine.nowMs)
        const work = clients.flatMap(({ requests, length }, index) =>
          Array.from({ length: requests }, () => scheduler.submit(jobsOf(Math.ceil(1500 / requests / length), length, index + 1), terms(`${index}`)))
        )
        await Promise.all(work.flat())
        const served = clients.map(() => 0)
        for (const { sequences } of engine.batches) {
          for (const { ids } of sequences) served[ids[0]! - 1]! += ids.length - 1
          // Until the first client is done; one batch may hold sequences of a single client.
          if (Math.max(...served) >= 1500) break
          assert.ok(Math.max(...served) - Math.min(...served) <= 2 * LIMITS.maxBatchTokens, served.join(' '))
        }
      }),
      { numRuns: 30 }
    )
  })
})

describe('Scheduler with priorities', () => {
  it('runs batch work when no interactive work waits', async () => {
    const engine = new FakeEngine({ held: true })
    const scheduler = new Scheduler(engine, LIMITS)
    const work = [scheduler.submit(jobsOf(10, 10, 1), terms('a', 'batch'))]
    await engine.received(1)
    work.push(scheduler.submit(jobsOf(10, 10, 2), terms('b', 'batch')), scheduler.submit(jobsOf(10, 10, 3), terms('c')))
    for (let batch = 1; batch <= 3; batch++) {
      await engine.received(batch)
      engine.release()
    }
    await Promise.all(work.flat())
    assert.deepEqual(
      engine.batches.map(({ sequences }) => [...new Set(sequences.map(({ ids }) => ids[0]))]),
      [[1], [3], [2]]
    )
  })

  it('gives batch work a sixteenth of the tokens while interactive work waits', async () => {
    const engine = new SimulatedEngine(1)
    const scheduler = new Scheduler(engine, LIMITS, () => engine.nowMs)
    const work = [...scheduler.submit(jobsOf(1000, 10, 1), terms('a')), ...scheduler.submit(jobsOf(1000, 10, 2), terms('b', 'batch'))]
    await Promise.all(work)
    // 96 batches of 100 tokens: 6 of batch work, the first after 15 of interactive work.
    assert.deepEqual([servedBy(engine, 96).get(1), servedBy(engine, 96).get(2)], [9000, 600])
    assert.equal(servedBy(engine, 15).get(2), undefined)
    assert.equal(servedBy(engine, 16).get(2), 100)
  })

  it('finishes admitted work before its deadline, whatever its priority', async () => {
    const engine = new SimulatedEngine(1)
    const scheduler = new Scheduler(engine, LIMITS, () => engine.nowMs)
    await Promise.all(scheduler.submit(jobsOf(30, 50, 0), terms('')))
    const { nowMs } = engine
    const batch = Promise.all(scheduler.submit(jobsOf(100, 10, 1), terms('a', 'batch', nowMs + 3000))).then(() => engine.nowMs)
    const interactive = Promise.all(scheduler.submit(jobsOf(500, 10, 2), terms('b', 'interactive', nowMs + 20_000)))
    assert.ok((await batch) <= nowMs + 3000)
    await interactive
  })

  it('admits batch work for only half of its time, so that interactive work still finds room', async () => {
    const engine = new SimulatedEngine(1)
    const scheduler = new Scheduler(engine, LIMITS, () => engine.nowMs)
    await Promise.all(scheduler.submit(jobsOf(30, 50, 0), terms('')))
    const deadlineAtMs = engine.nowMs + 10_000
    assert.throws(() => scheduler.submit(jobsOf(51, 100, 1), terms('a', 'batch', deadlineAtMs)), { code: 'queue_full' })
    const admitted = scheduler.submit(jobsOf(50, 100, 1), terms('a', 'batch', deadlineAtMs))
    assert.throws(() => scheduler.submit(jobsOf(1, 100, 1), terms('a', 'batch', deadlineAtMs)), { code: 'queue_full' })
    admitted.push(...scheduler.submit(jobsOf(40, 100, 2), terms('b', 'interactive', deadlineAtMs)))
    await Promise.all(admitted)
    assert.ok(engine.nowMs <= deadlineAtMs)
  })
})

/** Answers batches out of order, as an engine with several processes does. */
class SeveralEngines extends FakeEngine {
  mostAtOnce = 0
  #atOnce = 0

  override async score(batch: Batch): Promise<BatchScores> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    const scores = await super.score(batch)
    // A batch of longer sequences ends sooner.
    for (let turns = 60 - present(batch.sequences[0]?.ids.length); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
    this.#atOnce--
    return scores
  }
}

describe('Scheduler with several slots', () => {
  it('keeps one batch per slot in flight, and answers each sequence with its own scores', async () => {
    const engine = new SeveralEngines()
    const scheduler = new Scheduler(engine, { ...LIMITS, slots: 3 })
    const wanted = [5, 10, 20, 30, 40, 50].flatMap((tokens) => jobsOf(10, tokens, tokens))
    assert.deepEqual(
      await Promise.all(scheduler.submit(wanted, terms(''))),
      wanted.map(({ sequence }) => fakeScores(sequence))
    )
    assert.equal(engine.mostAtOnce, 3)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(scheduler.isIdle, true)
  })

  it('runs one batch at a time by default', async () => {
    const engine = new SeveralEngines()
    await Promise.all(new Scheduler(engine, LIMITS).submit(jobsOf(30, 10, 1), terms('')))
    assert.equal(engine.mostAtOnce, 1)
  })
})
