import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import type { EngineInfo } from '../../src/engine/engine-info.ts'
import { commonLength, packedRowSize } from '../../src/engine/packed-row.ts'
import { ServiceError } from '../../src/errors.ts'
import type { SchedulerLimits, ScoringJob, WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { fakeScores } from '../support/fake-engine.ts'
import { planningWith } from '../support/planning.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'

const LIMITS: SchedulerLimits = { maxBatchTokens: 120, longTextTokens: 50, maxQueueTokens: 1e9 }

/** An engine that packs: it computes each common beginning of a shared batch once, and says so. */
class PackingEngine extends SimulatedEngine {
  override readonly info = { sharing: planningWith({ packs: true, longestRow: 120 }).sharing } as EngineInfo

  override async score(batch: Batch): Promise<BatchScores> {
    const scores = await super.score(batch)
    if (batch.layout !== 'shared') return scores
    const fed = batch.sequences.map(({ ids }) => ids.subarray(0, -1))
    return {
      ...scores,
      rows: scores.rows.map((rows, i) => {
        const shared = Math.max(0, ...fed.slice(0, i).map((other) => commonLength(other, fed[i]!)))
        return { ...rows, work: { computedTokens: fed[i]!.length - shared, cachedTokens: 0 } }
      })
    }
  }
}

/** Sequences of which many are equal or begin alike. */
const job = fc
  .record({ beginning: fc.nat(2), shared: fc.integer({ min: 1, max: 40 }), own: fc.array(fc.nat(2), { minLength: 1, maxLength: 3 }) })
  .map(({ beginning, shared, own }): ScoringJob => {
    const ids = Int32Array.of(...Array.from({ length: shared }, (_, i) => 10 + 3 * i + beginning), ...own)
    return { sequence: { ids, firstScored: 1 }, topCount: null }
  })

const request = fc.record({
  jobs: fc.array(job, { minLength: 1, maxLength: 30 }),
  client: fc.constantFrom('a', 'b', 'c'),
  priority: fc.constantFrom('interactive' as const, 'batch' as const),
  afterBatches: fc.nat(6),
  leavesAfter: fc.option(fc.nat(8))
})

describe('Scheduler, with everything at once', () => {
  it('gives each of those who stay the numbers of its own sequence, and computes nothing twice while it is kept', async () => {
    const cases = fc.record({ requests: fc.array(request, { minLength: 1, maxLength: 15 }), slots: fc.integer({ min: 1, max: 3 }), keeps: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(cases, async ({ requests, slots, keeps }) => {
        const engine = new PackingEngine(1)
        const scheduler = new Scheduler(engine, { ...LIMITS, slots, resultCacheBytes: keeps ? 1e7 : 0 }, () => engine.nowMs)
        let computed = 0
        scheduler.observe({
          batchDone: ({ tokens }) => {
            computed += tokens
          }
        })
        const ends: Promise<number>[] = []
        const leaving: { readonly after: number; readonly controller: AbortController }[] = []
        const submit = ({ jobs, client, priority, leavesAfter }: (typeof requests)[number]): void => {
          const controller = new AbortController()
          if (leavesAfter !== null) leaving.push({ after: engine.batches.length + leavesAfter, controller })
          const terms: WorkTerms = { signal: controller.signal, client, priority }
          for (const [i, scores] of scheduler.submit(jobs, terms).entries()) ends.push(endOf(jobs[i]!, scores, leavesAfter !== null))
        }
        const step = (): void => {
          for (const { after, controller } of leaving) if (after <= engine.batches.length) controller.abort(new ServiceError('client_closed_request', 'gone'))
          for (const each of requests) if (each.afterBatches === engine.batches.length) submit(each)
        }
        engine.onBatch = step
        for (const each of requests) if (each.afterBatches === 0) submit(each)
        for (let seen = -1; seen !== ends.length; ) {
          seen = ends.length
          await Promise.all(ends)
        }
        while (!scheduler.isIdle) await new Promise((resolve) => setImmediate(resolve))

        assert.deepEqual(scheduler.queued, { sequences: 0, tokens: 0 })
        for (const { sequences, layout } of engine.batches) {
          const longest = Math.max(...sequences.map(({ ids }) => ids.length - 1))
          const columns = layout === 'shared' ? packedRowSize(sequences.map(({ ids }) => ids.subarray(0, -1))) : sequences.length * longest
          assert.ok(sequences.length === 1 || columns <= LIMITS.maxBatchTokens, `${columns} columns`)
        }
        const run = engine.batches.flatMap(({ sequences }) => sequences.map(({ ids }) => ids.join()))
        if (keeps) assert.equal(run.length, new Set(run).size)
        const charged = (await Promise.all(ends)).reduce((sum, tokens) => sum + tokens, 0)
        assert.ok(requests.some(({ leavesAfter }) => leavesAfter !== null) ? charged <= computed : charged === computed, `${charged} of ${computed}`)
      }),
      { numRuns: 150 }
    )
  })
})

/** The computed tokens that a job is told of; 0 for one that left. */
async function endOf({ sequence }: ScoringJob, scores: Promise<ReturnType<typeof fakeScores>>, mayLeave: boolean): Promise<number> {
  try {
    const { work, ...numbers } = await scores
    assert.deepEqual(numbers, fakeScores(sequence))
    return work?.computedTokens ?? sequence.ids.length - 1
  } catch (error) {
    if (!mayLeave || !(error instanceof ServiceError)) throw error
    return 0
  }
}
