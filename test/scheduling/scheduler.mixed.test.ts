import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Batch, BatchScores } from '../../src/engine/engine.ts'
import type { EngineInfo } from '../../src/engine/engine-info.ts'
import { commonLength, packedRowSize } from '../../src/engine/packed-row.ts'
import { ServiceError } from '../../src/errors.ts'
import type { ScoringJob, WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler, type SchedulerLimits } from '../../src/scheduling/scheduler.ts'
import { fakeScores } from '../support/fake-engine.ts'
import { planningWith } from '../support/planning.ts'
import { SimulatedEngine } from '../support/simulated-engine.ts'

const LIMITS: SchedulerLimits = { maxBatchTokens: 120, longTextTokens: 50, maxQueueTokens: 1e9 }

/** An engine with packing: it computes each common prefix of a shared batch once, and reports that as `work`. */
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

/** Random sequences, many of them equal or with a common prefix. */
const job = fc
  .record({ prefix: fc.nat(2), shared: fc.integer({ min: 1, max: 40 }), own: fc.array(fc.nat(2), { minLength: 1, maxLength: 3 }) })
  .map(({ prefix, shared, own }): ScoringJob => {
    const ids = Int32Array.of(...Array.from({ length: shared }, (_, i) => 10 + 3 * i + prefix), ...own)
    return { sequence: { ids, firstScored: 1 }, topCount: null }
  })

const request = fc.record({
  jobs: fc.array(job, { minLength: 1, maxLength: 30 }),
  client: fc.constantFrom('a', 'b', 'c'),
  priority: fc.constantFrom('interactive' as const, 'batch' as const),
  afterBatches: fc.nat(6),
  abortsAfter: fc.option(fc.nat(8))
})

describe('Scheduler with clients, priorities, aborts, packing and caching combined', () => {
  it('answers each job that is not aborted with the scores of its own sequence, and computes nothing twice while it is cached', async () => {
    const cases = fc.record({ requests: fc.array(request, { minLength: 1, maxLength: 15 }), slots: fc.integer({ min: 1, max: 3 }), isCaching: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(cases, async ({ requests, slots, isCaching }) => {
        const engine = new PackingEngine(1)
        const scheduler = new Scheduler(engine, { ...LIMITS, slots, resultCacheBytes: isCaching ? 1e7 : 0 }, () => engine.nowMs)
        let computed = 0
        scheduler.observe({
          batchDone: ({ tokens }) => {
            computed += tokens
          }
        })
        const ends: Promise<number>[] = []
        const aborts: { readonly after: number; readonly controller: AbortController }[] = []
        const submit = ({ jobs, client, priority, abortsAfter }: (typeof requests)[number]): void => {
          const controller = new AbortController()
          if (abortsAfter !== null) aborts.push({ after: engine.batches.length + abortsAfter, controller })
          const terms: WorkTerms = { signal: controller.signal, client, priority }
          for (const [i, scores] of scheduler.submit(jobs, terms).entries()) ends.push(endOf(jobs[i]!, scores, abortsAfter !== null))
        }
        const step = (): void => {
          for (const { after, controller } of aborts)
            if (after <= engine.batches.length) controller.abort(new ServiceError('client_closed_request', 'the client disconnected'))
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
        if (isCaching) assert.equal(run.length, new Set(run).size)
        const charged = (await Promise.all(ends)).reduce((sum, tokens) => sum + tokens, 0)
        assert.ok(requests.some(({ abortsAfter }) => abortsAfter !== null) ? charged <= computed : charged === computed, `${charged} of ${computed}`)
      }),
      { numRuns: 150 }
    )
  })
})

/** The computed tokens that a job was charged; 0 for an aborted one. */
async function endOf({ sequence }: ScoringJob, scores: Promise<ReturnType<typeof fakeScores>>, mayAbort: boolean): Promise<number> {
  try {
    const { work, ...numbers } = await scores
    assert.deepEqual(numbers, fakeScores(sequence))
    return work?.computedTokens ?? sequence.ids.length - 1
  } catch (error) {
    if (!mayAbort || !(error instanceof ServiceError)) throw error
    return 0
  }
}
