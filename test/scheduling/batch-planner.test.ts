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
  ['jobs of equal length together', queueOf(10, 10, 10), [0, 1, 2]],
  ['as many jobs as fit', queueOf(30, 30, 30, 30), [0, 1, 2]],
  ['jobs of similar length and leaves the others', queueOf(10, 40, 11, 3, 9), [0, 2, 4]],
  ['the closest in length when not all fit', queueOf(40, 33, 40, 38), [0, 2]],
  ['a long head alone', queueOf(51, 51, 10), [0]],
  ['no long text beside a short head', queueOf(50, 51, 50), [0, 2]],
  ['only the head when it runs alone', [alone, ...queueOf(10)], [0]],
  ['no job that runs alone beside another', [...queueOf(10), alone, ...queueOf(10)], [0, 2]]
]

const rowsOf = (queue: readonly PlannedJob[], { indices }: BatchPlan): PlannedJob[] => indices.map((index) => queue[index]!)
const paddedOf = (rows: readonly PlannedJob[]): number => rows.length * Math.max(...rows.map(({ tokenCount }) => tokenCount))

/** Asserts a claim for the plans of random queues, limits and engines. */
function holds(claim: (queue: readonly PlannedJob[], plan: BatchPlan, planning: Planning) => void): void {
  fc.assert(fc.property(queues, plannings, (queue, planning) => claim(queue, planBatch(queue, planning), planning)))
}

describe('planBatch without sharing', () => {
  for (const [what, queue, expected] of CASES)
    it(`takes ${what}`, () => {
      const { indices, layout } = planBatch(queue, PLAIN)
      assert.deepEqual([indices, layout], [expected, 'plain'])
    })

  it('takes a head larger than a batch, alone', () => {
    assert.deepEqual(planBatch(queueOf(10, 10), { limits: { maxBatchTokens: 5, longTextTokens: 50 }, sharing: null }).indices, [0])
  })

  it('keeps the scores of unfused attention within maxAttentionBytes', () => {
    // Three rows of 10 x 10 x 2 heads x 16 bytes.
    const { limits, sharing } = planningWith({ attentionHeads: 2, maxAttentionBytes: 9600 })
    assert.deepEqual(planBatch(queueOf(10, 10, 10, 10), { limits, sharing }).indices, [0, 1, 2])
  })
})

describe('planBatch', () => {
  it('always takes the head, and every job at most once, in order', () => {
    holds((_, { indices, newTokens }) => {
      assert.equal(indices[0], 0)
      assert.equal(newTokens.length, indices.length)
      indices.slice(1).forEach((index, i) => assert.ok(index > indices[i]!))
    })
  })

  it('stays within the limits on tokens, row length and attention bytes, except for a single job', () => {
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

  it('keeps padding below a fifth, and pads nothing beside long texts', () => {
    holds((queue, plan, { limits: { longTextTokens } }) => {
      const rows = rowsOf(queue, plan)
      if (plan.layout === 'shared' || rows.length === 1) return
      assert.ok(rows.every(({ tokenCount }) => tokenCount <= longTextTokens))
      const tokens = rows.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
      assert.ok(paddedOf(rows) - tokens <= 0.2 * paddedOf(rows))
    })
  })

  it('gives a job that runs alone a plain batch of its own', () => {
    holds((queue, plan) => {
      const rows = rowsOf(queue, plan)
      if (rows.some(({ runsAlone }) => runsAlone)) assert.deepEqual([rows.length, plan.layout], [1, 'plain'])
    })
  })

  it('charges the computed tokens: the columns of a shared batch, every token of padded rows', () => {
    holds((queue, plan, { sharing }) => {
      const rows = rowsOf(queue, plan)
      const charged = plan.newTokens.reduce((sum, tokens) => sum + tokens, 0)
      const computed =
        rows.length > 1 && plan.layout === 'shared' ? packedRowSize(rows.map(({ fed }) => fed)) : rows.reduce((sum, job) => sum + job.tokenCount, 0)
      // Without packing, every sequence but the head feeds the last token of its prefix again.
      const fedAgain = plan.layout === 'shared' && sharing?.packing.isOn === false ? rows.length - 1 : 0
      assert.ok(charged >= computed && charged <= computed + fedAgain, `${charged} for ${computed}`)
    })
  })

  it('shares only what the engine can', () => {
    holds((queue, plan, { sharing }) => {
      if (plan.layout === 'plain') return
      assert.ok(sharing !== null && (sharing.packing.isOn || sharing.prefixCache.isOn))
      // A single text may continue a cached prefix, however long it is.
      const isAlone = plan.indices.length === 1 && sharing.prefixCache.isOn
      assert.ok(isAlone || rowsOf(queue, plan).every(({ tokenCount }) => tokenCount <= sharing.longestRow))
    })
  })

  it('empties every queue', () => {
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

/** The first `shared` ids of the text at `start`, then `own` ids that no other job has. */
let last = 1_000_000
function continuing(start: number, shared: number, own: number): PlannedJob {
  last += 1000
  return { tokenCount: shared + own, runsAlone: false, fed: Int32Array.of(...jobLike(shared, start).fed, ...jobLike(own, last).fed) }
}

const summary = (queue: readonly PlannedJob[], planning: Parameters<typeof planBatch>[1]): [readonly number[], string] => {
  const { indices, layout } = planBatch(queue, planning)
  return [indices, layout]
}

describe('planBatch with packing', () => {
  const PACKS = { packs: true }

  it('packs the options of one question with its context once, and leaves another question', () => {
    const queue = [continuing(0, 400, 5), continuing(500_000, 400, 5), continuing(0, 400, 8), continuing(0, 400, 3)]
    const { indices, newTokens, layout } = planBatch(queue, planningWith(PACKS))
    assert.deepEqual([indices, newTokens, layout], [[0, 2, 3], [405, 8, 3], 'shared'])
  })

  it('prefers jobs with a longer shared prefix when not all fit', () => {
    const queue = [continuing(0, 300, 10), continuing(0, 200, 120), continuing(0, 300, 60), continuing(0, 250, 70)]
    assert.deepEqual(summary(queue, planningWith({ ...PACKS, limits: { maxBatchTokens: 450 } })), [[0, 2, 3], 'shared'])
  })

  it('packs short texts of different lengths until attention costs more than another pass', () => {
    const lengths = [40, 3, 22, 9, 15, 30, 5, 18, 12, 26, 7, 20, 11, 28, 6, 24, 40, 3, 22, 9, 15, 30]
    const { layout, newTokens } = planBatch(
      lengths.map((tokens, i) => jobLike(tokens, 1000 * i)),
      planningWith(PACKS)
    )
    assert.equal(layout, 'shared')
    const columns = newTokens.reduce((sum, tokens) => sum + tokens, 0)
    assert.ok(columns > 150 && columns < 250, `${columns} columns`)
  })

  it('stops adding to a prefix when attention costs more than computing the prefix again', () => {
    const queue = Array.from({ length: 200 }, () => continuing(0, 50, 10))
    const { indices } = planBatch(queue, planningWith({ ...PACKS, limits: { longTextTokens: 128, maxBatchTokens: 2048 } }))
    // The cost per sequence, (16 + T + T² / 1500) / k at T = 50 + 10 k columns, is lowest at k = 26.
    assert.ok(indices.length >= 26 && indices.length <= 60, `${indices.length} sequences`)
  })

  it('pads texts of equal length, because packing them would cost more', () => {
    const queue = Array.from({ length: 20 }, (_, i) => jobLike(40, 1000 * i))
    assert.deepEqual(summary(queue, planningWith(PACKS)), [queue.map((_, i) => i), 'plain'])
  })

  it('does not pack long texts that share too short a prefix for the attention they add', () => {
    const queue = [continuing(0, 100, 400), continuing(0, 100, 400)]
    assert.deepEqual(summary(queue, planningWith(PACKS)), [[0], 'plain'])
  })

  it('packs no row beyond the longest of the model or beyond maxAttentionBytes', () => {
    const queue = [continuing(0, 100, 5), continuing(0, 100, 5), continuing(0, 100, 5)]
    assert.deepEqual(summary(queue, planningWith({ ...PACKS, longestRow: 112 })), [[0, 1], 'shared'])
    assert.deepEqual(summary(queue, planningWith({ ...PACKS, attentionHeads: 1, maxAttentionBytes: 16 * 111 ** 2 })), [[0, 1], 'shared'])
    assert.deepEqual(summary(queue, planningWith({ ...PACKS, longestRow: 50 })), [[0], 'plain'])
  })
})

describe('planBatch with a prefix cache', () => {
  const CACHES = { caches: true }

  it('groups sequences with a common prefix, to be computed one after the other', () => {
    const queue = [continuing(0, 40, 5), jobLike(45, 900_000), continuing(0, 40, 9)]
    const { indices, newTokens, layout } = planBatch(queue, planningWith(CACHES))
    // The last token of the prefix is fed again.
    assert.deepEqual([indices, newTokens, layout], [[0, 2], [45, 10], 'shared'])
  })

  it('counts in full what the prefix cache cannot save', () => {
    const head = continuing(0, 40, 5)
    const detailed = (job: PlannedJob): PlannedJob => ({ ...job, reusableTokens: 0 })
    const newTokens = (jobs: readonly PlannedJob[], planning: Planning): readonly number[] => planBatch(jobs, planning).newTokens
    // A batch of 60 tokens has no room for the second one in full.
    const planning = planningWith({ ...CACHES, limits: { maxBatchTokens: 60, longTextTokens: 10 } })
    assert.deepEqual(newTokens([head, continuing(0, 40, 9)], planning), [45, 10])
    assert.deepEqual(newTokens([detailed(head), detailed(continuing(0, 40, 9))], planning), [45])
    const small = { ...planning, sharing: { ...present(planning.sharing), longestPrefix: 20 } }
    assert.deepEqual(newTokens([head, continuing(0, 40, 9)], small), [45])
  })

  it('does not put sequences with details beside others, whose cached scores could then not be used', () => {
    const queue = [continuing(0, 40, 5), { ...continuing(0, 40, 9), reusableTokens: 38 }]
    assert.equal(planBatch(queue, planningWith(CACHES)).layout, 'plain')
  })

  it('pads short texts whose common prefix is too short for a separate pass', () => {
    const queue = [continuing(0, 20, 5), continuing(0, 20, 5)]
    assert.deepEqual(summary(queue, planningWith(CACHES)), [[0, 1], 'plain'])
  })

  it('lets a single text continue a cached prefix', () => {
    assert.deepEqual(summary([jobLike(200)], planningWith(CACHES)), [[0], 'shared'])
    assert.deepEqual(summary([jobLike(200)], planningWith({})), [[0], 'plain'])
    assert.deepEqual(summary([jobLike(200)], planningWith({ ...CACHES, longestRow: 100 })), [[0], 'shared'])
    assert.deepEqual(summary([{ ...jobLike(200), runsAlone: true }], planningWith(CACHES)), [[0], 'plain'])
  })

  it('packs when the engine can do both', () => {
    const queue = [continuing(0, 40, 5), continuing(0, 40, 9)]
    assert.deepEqual(summary(queue, planningWith({ ...CACHES, packs: true })), [[0, 1], 'shared'])
  })
})
