import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type BatchLimits, type PlannedJob, planBatch } from '../../src/scheduling/plan-batch.ts'

const queueOf = (...tokenCounts: number[]): PlannedJob[] => tokenCounts.map((tokenCount) => ({ tokenCount, runsAlone: false }))
const LIMITS: BatchLimits = { maxBatchTokens: 100, longTextTokens: 50 }

const CASES: readonly [string, readonly PlannedJob[], number[]][] = [
  ['nothing from an empty queue', [], []],
  ['equal lengths together', queueOf(10, 10, 10), [0, 1, 2]],
  ['as many as fit', queueOf(30, 30, 30, 30), [0, 1, 2]],
  ['neighbours in length and leaves the others', queueOf(10, 40, 11, 3, 9), [0, 2, 4]],
  ['the nearest in length when not all fit', queueOf(40, 33, 40, 38), [0, 2]],
  ['a long head alone', queueOf(51, 51, 10), [0]],
  ['no long text beside a short head', queueOf(50, 51, 50), [0, 2]],
  ['a head that runs alone by itself', [{ tokenCount: 10, runsAlone: true }, ...queueOf(10)], [0]],
  ['nobody who runs alone beside another', [...queueOf(10), { tokenCount: 10, runsAlone: true }, ...queueOf(10)], [0, 2]]
]

const jobs = fc.array(fc.record({ tokenCount: fc.integer({ min: 1, max: 200 }), runsAlone: fc.boolean() }), { minLength: 1, maxLength: 40 })
const limits = fc.record({ maxBatchTokens: fc.integer({ min: 1, max: 1000 }), longTextTokens: fc.integer({ min: 1, max: 150 }) })

/** The jobs of the batch that is planned, for every queue and limits. */
function holds(claim: (batch: readonly PlannedJob[], some: BatchLimits, indices: readonly number[]) => void): void {
  fc.assert(
    fc.property(jobs, limits, (queue, some) => {
      const indices = planBatch(queue, some)
      claim(
        indices.map((index) => queue[index]!),
        some,
        indices
      )
    })
  )
}

describe('planBatch', () => {
  for (const [what, queue, expected] of CASES) it(`takes ${what}`, () => assert.deepEqual(planBatch(queue, LIMITS), expected))

  it('takes a head that is larger than a batch, alone', () => assert.deepEqual(planBatch(queueOf(10, 10), { maxBatchTokens: 5, longTextTokens: 50 }), [0]))

  it('always takes the head, and each job at most once, in order', () => {
    holds((batch, _, indices) => {
      assert.equal(indices[0], 0)
      assert.equal(batch.length, indices.length)
      indices.slice(1).forEach((index, i) => assert.ok(index > indices[i]!))
    })
  })

  it('keeps rows x longest within the tokens of a batch, unless a job is alone', () => {
    holds((batch, { maxBatchTokens }) => {
      const padded = batch.length * Math.max(...batch.map(({ tokenCount }) => tokenCount))
      assert.ok(batch.length === 1 || padded <= maxBatchTokens, `${padded} of ${maxBatchTokens}`)
    })
  })

  it('keeps padding to a fifth', () => {
    holds((batch) => {
      const padded = batch.length * Math.max(...batch.map(({ tokenCount }) => tokenCount))
      const tokens = batch.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
      assert.ok(padded - tokens <= 0.2 * padded, `${padded - tokens} of ${padded}`)
    })
  })

  it('gives no company to jobs that are long or run alone', () => {
    holds((batch, { longTextTokens }) => {
      assert.ok(batch.length === 1 || batch.every(({ tokenCount, runsAlone }) => !runsAlone && tokenCount <= longTextTokens))
    })
  })

  it('works off every queue', () => {
    fc.assert(
      fc.property(jobs, limits, (queue, some) => {
        let rest: readonly PlannedJob[] = queue
        for (let rounds = 0; rest.length > 0; rounds++) {
          assert.ok(rounds < queue.length)
          const taken = new Set(planBatch(rest, some))
          rest = rest.filter((_, index) => !taken.has(index))
        }
      })
    )
  })
})
