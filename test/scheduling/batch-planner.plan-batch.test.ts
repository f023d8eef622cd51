import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { packedRowSize } from '../../src/engine/packed-row.ts'
import { type BatchPlan, type PlannedJob, type Planning, planBatch } from '../../src/scheduling/batch-planner.ts'
import { jobLike, plannings, planningWith, queues } from '../support/planning.ts'
import { present } from '../support/present.ts'

const PLAIN: Planning = { limits: { maxBatchTokens: 100, longTextTokens: 50 }, sharing: null }
const queueOf = (...tokenCounts: number[]): PlannedJob[] => tokenCounts.map((tokenCount, i) => jobLike(tokenCount, 100 * i))
const alone: PlannedJob = { ...jobLike(10), runsAlone: true }

const CASES: readonly [string, readonly PlannedJob[], number[]][] = [
  ['nothing from an empty queue', [], []],
  ['equal lengths together', queueOf(10, 10, 10), [0, 1, 2]],
  ['as many as fit', queueOf(30, 30, 30, 30), [0, 1, 2]],
  ['neighbours in length and leaves the others', queueOf(10, 40, 11, 3, 9), [0, 2, 4]],
  ['the nearest in length when not all fit', queueOf(40, 33, 40, 38), [0, 2]],
  ['a long head alone', queueOf(51, 51, 10), [0]],
  ['no long text beside a short head', queueOf(50, 51, 50), [0, 2]],
  ['a head that runs alone by itself', [alone, ...queueOf(10)], [0]],
  ['nobody who runs alone beside another', [...queueOf(10), alone, ...queueOf(10)], [0, 2]]
]

const rowsOf = (queue: readonly PlannedJob[], { indices }: BatchPlan): PlannedJob[] => indices.map((index) => queue[index]!)
const paddedOf = (rows: readonly PlannedJob[]): number => rows.length * Math.max(...rows.map(({ tokenCount }) => tokenCount))

/** The plan of every queue, limits and engine. */
function holds(claim: (queue: readonly PlannedJob[], plan: BatchPlan, planning: Planning) => void): void {
  fc.assert(fc.property(queues, plannings, (queue, planning) => claim(queue, planBatch(queue, planning), planning)))
}

describe('planBatch for an engine that shares nothing', () => {
  for (const [what, queue, expected] of CASES)
    it(`takes ${what}`, () => {
      const { indices, layout } = planBatch(queue, PLAIN)
      assert.deepEqual([indices, layout], [expected, 'plain'])
    })

  it('takes a head that is larger than a batch, alone', () => {
    assert.deepEqual(planBatch(queueOf(10, 10), { limits: { maxBatchTokens: 5, longTextTokens: 50 }, sharing: null }).indices, [0])
  })

  it('keeps the scores of unfused attention within their bytes', () => {
    // Three rows of 10 x 10 x 2 heads x 16 bytes.
    const { limits, sharing } = planningWith({ attentionHeads: 2, maxAttentionBytes: 9600 })
    assert.deepEqual(planBatch(queueOf(10, 10, 10, 10), { limits, sharing }).indices, [0, 1, 2])
  })
})

describe('planBatch', () => {
  it('always takes the head, and each job at most once, in order', () => {
    holds((_, { indices, newTokens }) => {
      assert.equal(indices[0], 0)
      assert.equal(newTokens.length, indices.length)
      indices.slice(1).forEach((index, i) => assert.ok(index > indices[i]!))
    })
  })

  it('keeps to the tokens, the longest row and the bytes of a batch, unless a job is alone', () => {
    holds((queue, plan, { limits: { maxBatchTokens, maxAttentionBytes = Number.POSITIVE_INFINITY }, sharing }) => {
      const rows = rowsOf(queue, plan)
      if (rows.length === 1) return
      const isPacked = plan.layout === 'shared' && sharing?.packing.isOn === true
      const columns = plan.layout === 'shared' ? packedRowSize(rows.map(({ fed }) => fed)) : paddedOf(rows)
      assert.ok(columns <= maxBatchTokens, `${columns} of ${maxBatchTokens}`)
      if (isPacked) assert.ok(columns <= present(sharing?.longestRow))
      const longest = Math.max(...rows.map(({ tokenCount }) => tokenCount))
      const pairs = isPacked ? columns ** 2 : plan.layout === 'plain' ? rows.length * longest ** 2 : 0
      assert.ok(16 * (sharing?.attentionHeads ?? 0) * pairs <= maxAttentionBytes)
    })
  })

  it('keeps padding to a fifth, and none beside long texts', () => {
    holds((queue, plan, { limits: { longTextTokens } }) => {
      const rows = rowsOf(queue, plan)
      if (plan.layout === 'shared' || rows.length === 1) return
      assert.ok(rows.every(({ tokenCount }) => tokenCount <= longTextTokens))
      const tokens = rows.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
      assert.ok(paddedOf(rows) - tokens <= 0.2 * paddedOf(rows))
    })
  })

  it('runs what has to be alone by itself and plain', () => {
    holds((queue, plan) => {
      const rows = rowsOf(queue, plan)
      if (rows.some(({ runsAlone }) => runsAlone)) assert.deepEqual([rows.length, plan.layout], [1, 'plain'])
    })
  })

  it('charges what is computed: the columns of a shared batch, every token of padded rows', () => {
    holds((queue, plan) => {
      const rows = rowsOf(queue, plan)
      const charged = plan.newTokens.reduce((sum, tokens) => sum + tokens, 0)
      const computed =
        rows.length > 1 && plan.layout === 'shared' ? packedRowSize(rows.map(({ fed }) => fed)) : rows.reduce((sum, job) => sum + job.tokenCount, 0)
      assert.equal(charged, computed)
    })
  })

  it('shares nothing that the engine cannot', () => {
    holds((queue, plan, { sharing }) => {
      if (plan.layout === 'plain') return
      assert.ok(sharing !== null && (sharing.packing.isOn || sharing.prefixCache.isOn))
      // One text by itself goes on from what is kept of it, however long.
      const isAlone = plan.indices.length === 1 && sharing.prefixCache.isOn
      assert.ok(isAlone || rowsOf(queue, plan).every(({ tokenCount }) => tokenCount <= sharing.longestRow))
    })
  })

  it('works off every queue', () => {
    fc.assert(
      fc.property(queues, plannings, (queue, planning) => {
        let rest: readonly PlannedJob[] = queue
        for (let rounds = 0; rest.length > 0; rounds++) {
          assert.ok(rounds < queue.length)
          const taken = new Set(planBatch(rest, planning).indices)
          rest = rest.filter((_, index) => !taken.has(index))
        }
      })
    )
  })
})
