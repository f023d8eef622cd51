import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BatchScores, SequenceWork } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import { usageOf, workUsage } from '../../src/evaluation/usage.ts'
import type { ScoringJob } from '../../src/scheduling/job.ts'
import { fakeScores } from '../support/fake-engine.ts'
import { encodeOne, itemOf } from '../support/logprob-items.ts'

const NONE = { computed_tokens: 0, cached_tokens: 0 }

const jobOf = (length: number): ScoringJob => ({ sequence: { ids: new Int32Array(length), firstScored: 1 }, topCount: null })

async function scoresOf(sequences: readonly ScoringJob['sequence'][], work?: SequenceWork): Promise<BatchScores> {
  return { rows: sequences.map((sequence) => ({ ...fakeScores(sequence), ...(work === undefined ? {} : { work }) })), probes: [], runMs: 1 }
}

describe('usageOf', () => {
  it('is 0 without items', () => {
    assert.deepEqual(usageOf([], NONE), { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, ...NONE })
  })

  it('counts the prefix token with x, the end token with y, and ignores items that could not be encoded', async () => {
    const items = [await encodeOne(itemOf([3, 4], [5]), { eos: 'score' }), new ServiceError('empty_completion', 'empty'), await encodeOne(itemOf([], [5]))]
    const { prompt_tokens, completion_tokens, total_tokens } = usageOf(items, NONE)
    assert.deepEqual([prompt_tokens, completion_tokens, total_tokens], [3 + 1, 2 + 1, 7])
  })
})

describe('workUsage', () => {
  it('counts the fed tokens of every pass: all but the last of each sequence, without padding', async () => {
    const exactly = { sequences: [jobOf(4).sequence, jobOf(9).sequence], topCount: null }
    const work = [jobOf(2), { exactly }, jobOf(5)]
    const scores = [scoresOf([jobOf(2).sequence]), scoresOf(exactly.sequences), scoresOf([jobOf(5).sequence])]
    assert.deepEqual(await workUsage(work, scores), { computed_tokens: 1 + 3 + 8 + 4, cached_tokens: 0 })
  })

  it('counts the work that the rows report', async () => {
    const scores = [
      scoresOf([jobOf(10).sequence], { computedTokens: 2, cachedTokens: 7 }),
      scoresOf([jobOf(10).sequence], { computedTokens: 3, cachedTokens: 0 }),
      scoresOf([jobOf(10).sequence])
    ]
    assert.deepEqual(await workUsage([jobOf(10), jobOf(10), jobOf(10)], scores), { computed_tokens: 2 + 3 + 9, cached_tokens: 7 })
  })

  it('ignores failed jobs', async () => {
    const scores = [Promise.reject(new ServiceError('engine_crashed', 'the fake crashes')), scoresOf([jobOf(3).sequence])]
    assert.deepEqual(await workUsage([jobOf(10), jobOf(3)], scores), { computed_tokens: 2, cached_tokens: 0 })
  })
})
