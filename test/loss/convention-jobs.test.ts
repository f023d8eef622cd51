import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RowScores } from '../../src/engine/engine.ts'
import { conventionJobs, exampleLosses } from '../../src/loss/convention-jobs.ts'
import type { EncodedExample } from '../../src/loss/encoded-example.ts'
import { encodeExample } from '../support/loss-examples.ts'
import { present } from '../support/present.ts'

const MAX = 16
const segments = [
  { text: 'a a', train: false },
  { text: ' a c', train: true }
]

function rows(logProbs: readonly number[]): RowScores {
  const none = new Float32Array(0)
  return { logProbs: Float32Array.from(logProbs), logSumExps: none, bestIds: new Int32Array(0), bestLogProbs: none, detail: null, checksums: new Int32Array(0) }
}

async function example(eos: 'none' | 'score' = 'none'): Promise<EncodedExample> {
  const encoded = await encodeExample({ segments, eos })
  assert.deepEqual([...encoded.ids], eos === 'none' ? [0, 3, 8, 8, 2, 5] : [0, 3, 8, 8, 2, 5, 1])
  return encoded
}

describe('conventionJobs', () => {
  it('scores in each row the token fed there, the one after the next, and the end token', async () => {
    const { notShifted, shiftedTwice, end } = conventionJobs(await example(), MAX)
    assert.deepEqual(
      [notShifted, shiftedTwice, end].map((job) => [...present(job?.sequence.ids)]),
      [
        [0, 3, 8, 8, 2, 5, 5],
        [0, 3, 8, 8, 2, 5],
        [0, 3, 8, 8, 2, 5, 1]
      ]
    )
    assert.deepEqual([...present(notShifted?.sequence.targets)], [0, 3, 8, 8, 2, 5])
    assert.deepEqual([...present(shiftedTwice?.sequence.targets)].slice(0, -1), [8, 8, 2, 5])
    assert.deepEqual([end?.sequence.firstScored, end?.sequence.targets], [6, undefined])
    for (const { sequence } of [notShifted!, shiftedTwice!]) assert.equal(sequence.targets?.length, sequence.ids.length - sequence.firstScored)
  })

  it('scores no end token when there is one, and nothing beyond the context', async () => {
    assert.equal(conventionJobs(await example('score'), MAX).end, null)
    const { notShifted, shiftedTwice, end } = conventionJobs(await example(), 6)
    assert.deepEqual([notShifted, end], [null, null])
    assert.notEqual(shiftedTwice, null)
  })
})

describe('exampleLosses', () => {
  const LOG_PROBS = [null, -1, -2, -3, -4, -5]
  const SHIFTED = { notShifted: rows([-10, -11, -12, -13, -14, -15]), shiftedTwice: rows([-20, -21, -22, -23, -24]), end: rows([-9]) }

  it('reads each trained token from the row of its convention', async () => {
    const losses = exampleLosses(await example(), LOG_PROBS, SHIFTED, 0)
    assert.deepEqual([losses.completion, losses.given, losses.ends], [[3, 4, 5], [1, 2], [9]])
    // Trained are positions 3 to 5: row i on token i, and row i - 2 on token i.
    assert.deepEqual(
      [losses.notShifted, losses.shiftedTwice],
      [
        [13, 14, 15],
        [21, 22, 23]
      ]
    )
    assert.deepEqual([losses.endsAreTrained, losses.endsAreInSequence], [false, false])
  })

  it('reads a trained end token from the sequence itself', async () => {
    const losses = exampleLosses(await example('score'), [...LOG_PROBS, -6], { notShifted: null, shiftedTwice: null, end: null }, 0)
    assert.deepEqual([losses.completion, losses.ends], [[3, 4, 5], [6]])
    assert.deepEqual([losses.endsAreTrained, losses.endsAreInSequence, losses.notShifted], [true, true, null])
  })
})
