import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usefulWork } from '../../bench/support/useful-flops.ts'

const COST = { bodyWeights: 1000, layers: 2, attentionWidth: 8, hidden: 8, vocabSize: 32 }

test('useful work of one text counts each fed token, what it attends to, and each row', () => {
  // Fed: 1 2 3 4 5; rows: those that predict 4, 5 and 6.
  const work = usefulWork([{ context: [1, 2, 3], continuation: [4, 5, 6] }], COST)
  assert.deepEqual(work, { tokens: 5, rows: 3, flops: 2 * 1000 * 5 + 4 * 2 * 8 * (1 + 2 + 3 + 4 + 5) + 2 * 8 * 32 * 3 })
})

test('useful work counts a shared prefix once, and the row that predicts the first token of all options', () => {
  const context = [1, 2, 3]
  const work = usefulWork(
    [
      { context, continuation: [4, 5] },
      { context, continuation: [6, 7] },
      { context, continuation: [8] }
    ],
    COST
  )
  // Fed: 1 2 3, then 4 and 6, each of which sees four.
  assert.equal(work.tokens, 5)
  assert.equal(work.rows, 3)
  assert.equal(work.flops, 2 * 1000 * 5 + 4 * 2 * 8 * (1 + 2 + 3 + 4 + 4) + 2 * 8 * 32 * 3)
})
