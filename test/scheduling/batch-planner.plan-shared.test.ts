import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PlannedJob, planBatch } from '../../src/scheduling/batch-planner.ts'
import { jobLike, planningWith } from '../support/planning.ts'

/** The first `shared` ids of the text that begins at `start`, then `own` ids that no other job has. */
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

  it('takes the options of one question with its context once, and leaves another question', () => {
    const queue = [continuing(0, 400, 5), continuing(500_000, 400, 5), continuing(0, 400, 8), continuing(0, 400, 3)]
    const { indices, newTokens, layout } = planBatch(queue, planningWith(PACKS))
    assert.deepEqual([indices, newTokens, layout], [[0, 2, 3], [405, 8, 3], 'shared'])
  })

  it('takes those that share more before those that share less, when not all fit', () => {
    const queue = [continuing(0, 300, 10), continuing(0, 200, 120), continuing(0, 300, 60), continuing(0, 250, 70)]
    assert.deepEqual(summary(queue, planningWith({ ...PACKS, limits: { maxBatchTokens: 450 } })), [[0, 2, 3], 'shared'])
  })

  it('packs short texts that differ much in length, until attention costs more than a pass of their own', () => {
    const lengths = [40, 3, 22, 9, 15, 30, 5, 18, 12, 26, 7, 20, 11, 28, 6, 24, 40, 3, 22, 9, 15, 30]
    const { layout, newTokens } = planBatch(
      lengths.map((tokens, i) => jobLike(tokens, 1000 * i)),
      planningWith(PACKS)
    )
    assert.equal(layout, 'shared')
    const columns = newTokens.reduce((sum, tokens) => sum + tokens, 0)
    assert.ok(columns > 150 && columns < 250, `${columns} columns`)
  })

  it('does not let a row of one beginning grow until its attention costs more than the beginning again', () => {
    const queue = Array.from({ length: 200 }, () => continuing(0, 50, 10))
    const { indices } = planBatch(queue, planningWith({ ...PACKS, limits: { longTextTokens: 128, maxBatchTokens: 2048 } }))
    // 26 have the least cost each, (16 + T + T² / 1500) / k at T = 50 + 10 k columns.
    assert.ok(indices.length >= 26 && indices.length <= 60, `${indices.length} sequences`)
  })

  it('pads texts of equal length, whose row would cost more', () => {
    const queue = Array.from({ length: 20 }, (_, i) => jobLike(40, 1000 * i))
    assert.deepEqual(summary(queue, planningWith(PACKS)), [queue.map((_, i) => i), 'plain'])
  })

  it('leaves texts alone that share too little for the attention they would add', () => {
    const queue = [continuing(0, 100, 400), continuing(0, 100, 400)]
    assert.deepEqual(summary(queue, planningWith(PACKS)), [[0], 'plain'])
  })

  it('packs no row longer than the model takes, nor beyond its bytes', () => {
    const queue = [continuing(0, 100, 5), continuing(0, 100, 5), continuing(0, 100, 5)]
    assert.deepEqual(summary(queue, planningWith({ ...PACKS, longestRow: 112 })), [[0, 1], 'shared'])
    assert.deepEqual(summary(queue, planningWith({ ...PACKS, attentionHeads: 1, maxAttentionBytes: 16 * 111 ** 2 })), [[0, 1], 'shared'])
    assert.deepEqual(summary(queue, planningWith({ ...PACKS, longestRow: 50 })), [[0], 'plain'])
  })
})

describe('planBatch with a prefix cache', () => {
  const CACHES = { caches: true }

  it('runs those that begin alike together, to be computed one after the other', () => {
    const queue = [continuing(0, 40, 5), jobLike(45, 900_000), continuing(0, 40, 9)]
    const { indices, newTokens, layout } = planBatch(queue, planningWith(CACHES))
    assert.deepEqual([indices, newTokens, layout], [[0, 2], [45, 9], 'shared'])
  })

  it('pads short texts that share less than is worth a pass', () => {
    const queue = [continuing(0, 20, 5), continuing(0, 20, 5)]
    assert.deepEqual(summary(queue, planningWith(CACHES)), [[0, 1], 'plain'])
  })

  it('lets a text by itself continue what is kept', () => {
    assert.deepEqual(summary([jobLike(200)], planningWith(CACHES)), [[0], 'shared'])
    assert.deepEqual(summary([jobLike(200)], planningWith({})), [[0], 'plain'])
    assert.deepEqual(summary([jobLike(200)], planningWith({ ...CACHES, longestRow: 100 })), [[0], 'shared'])
    assert.deepEqual(summary([{ ...jobLike(200), runsAlone: true }], planningWith(CACHES)), [[0], 'plain'])
  })

  it('packs where the engine does both', () => {
    const queue = [continuing(0, 40, 5), continuing(0, 40, 9)]
    assert.deepEqual(summary(queue, planningWith({ ...CACHES, packs: true })), [[0, 1], 'shared'])
  })
})
