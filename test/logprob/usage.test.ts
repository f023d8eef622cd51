import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ServiceError } from '../../src/errors.ts'
import { usageOf } from '../../src/logprob/usage.ts'
import type { ScoringJob } from '../../src/scheduling/scheduler.ts'
import { encodeOne, itemOf } from '../support/logprob-items.ts'

const jobOf = (length: number): ScoringJob => ({ sequence: { ids: new Int32Array(length), firstScored: 1 }, topCount: null })

describe('usageOf', () => {
  it('is nothing for nothing', () => {
    assert.deepEqual(usageOf([], []), { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, computed_tokens: 0, cached_tokens: 0 })
  })

  it('counts the prefix token with x and the end token with y, and nothing of items that could not be encoded', async () => {
    const items = [await encodeOne(itemOf([3, 4], [5]), { eos: 'score' }), new ServiceError('empty_completion', 'empty'), await encodeOne(itemOf([], [5]))]
    const { prompt_tokens, completion_tokens, total_tokens } = usageOf(items, [])
    assert.deepEqual([prompt_tokens, completion_tokens, total_tokens], [3 + 1, 2 + 1, 7])
  })

  it('counts the tokens that are fed in every pass: all of a sequence but the last, of each sequence of an exact batch, without padding', () => {
    const exactly = { sequences: [jobOf(4).sequence, jobOf(9).sequence], topCount: null }
    assert.equal(usageOf([], [jobOf(2), { exactly }, jobOf(5)]).computed_tokens, 1 + 3 + 8 + 4)
  })
})
