import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Engine } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import { LogprobEvaluator, type Outcome } from '../../src/evaluation/logprob-evaluator.ts'
import type { WorkTerms } from '../../src/scheduling/job.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { FakeModel } from '../support/fake-model.ts'
import { contextOf, itemOf, optionsOf } from '../support/logprob-items.ts'

const LIMITS = { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1000 }

function evaluatorOn(engine: Engine): LogprobEvaluator {
  return new LogprobEvaluator(contextOf(), new Scheduler(engine, LIMITS))
}

const never = (): WorkTerms => ({ signal: new AbortController().signal })
const summaryOf = (outcome: Outcome): unknown => ('error' in outcome ? outcome.error.code : outcome.sums.joint)

describe('LogprobEvaluator', () => {
  it('returns a result for every item, and an error for an invalid one', async () => {
    const items = [itemOf('a', ' a', 0), itemOf('a', '', 1), itemOf([3], [4], 2)]
    const { outcomes } = await evaluatorOn(new FakeEngine()).evaluate(items, optionsOf(), never())
    const settled = await Promise.all(outcomes)
    // The fake scores target t in row r with -(t + 1) / 2^r: -4 and -4.5 for [0 3 8], -4 and -2.5 for [0 3 4].
    assert.deepEqual(settled.map(summaryOf), [-8.5, 'empty_completion', -6.5])
    assert.deepEqual(
      settled.map(({ item }) => item),
      items
    )
  })

  it('counts the tokens of encoded items and the computed tokens', async () => {
    const items = [itemOf('a a', ' a', 0), itemOf('a', '', 1)]
    const { usage } = await evaluatorOn(new FakeEngine()).evaluate(items, optionsOf({ eos: 'none' }), never())
    assert.deepEqual(await usage, { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4, computed_tokens: 3, cached_tokens: 0 })
  })

  it('computes one-token outputs of the same x in one pass, each with its own score', async () => {
    const engine = new FakeModel({ vocabSize: 14, textVocabSize: 14 })
    const items = [' a', 'c', ' a', 'c c'].map((y, i) => itemOf('a a', y, i))
    const { outcomes, usage } = await evaluatorOn(engine).evaluate(items, optionsOf(), never())
    const together = (await Promise.all(outcomes)).map(summaryOf)
    assert.deepEqual(
      engine.batches.flatMap(({ sequences }) => sequences.map(({ ids, lastTokenCandidates = [] }) => [[...ids], [...lastTokenCandidates]])),
      [
        [[0, 3, 8, 8], [5]],
        [[0, 3, 8, 5, 2, 5], []]
      ]
    )
    assert.equal((await usage).computed_tokens, 3 + 5)
    const alone = await Promise.all(
      items.map(async (item) =>
        summaryOf(await (await evaluatorOn(new FakeModel({ vocabSize: 14, textVocabSize: 14 })).evaluate([item], optionsOf(), never())).outcomes[0]!)
      )
    )
    assert.deepEqual(together, alone)
  })

  it('runs five more passes for deep verification, each in its own batch', async () => {
    const engine = new FakeEngine()
    const { outcomes, usage } = await evaluatorOn(engine).evaluate([itemOf('a a', ' a')], optionsOf({ verify: 'deep' }), never())
    const outcome = await outcomes[0]!
    assert.ok('checks' in outcome)
    const whole = [0, 3, 8, 8]
    assert.deepEqual(
      engine.batches.map(({ sequences }) => sequences.map(({ ids }) => [...ids])),
      [[whole], [whole], [whole], [[0, 3, 8]], [whole, [0, 3, 8, 8, 0, 3, 8, 8, 0, 3, 8, 8]], [[0, 8]]]
    )
    assert.equal((await usage).computed_tokens, 3 + 3 + 3 + 2 + (3 + 11) + 1)
    const status = new Map(outcome.checks.items.map((item) => [item.id, item.status]))
    for (const id of ['causality', 'rerun', 'batch_invariance', 'padding_invariance'] as const) assert.equal(status.get(id), 'pass')
  })

  it('adds candidate_mass to the outputs of one x', async () => {
    const outputs = [' a', 'b'].map((y, candidate) => ({ ...itemOf('a', y, candidate), candidate }))
    const { outcomes } = await evaluatorOn(new FakeEngine()).evaluate([...outputs, itemOf('a', ' a', 2)], optionsOf(), never())
    const masses = (await Promise.all(outcomes)).map((outcome) => 'checks' in outcome && outcome.checks.items.find(({ id }) => id === 'candidate_mass'))
    // a|b merges, so its x is followed by b alone: -(8 + 1) / 2 and -(4 + 1) / 2 in the fake.
    assert.ok(masses[0])
    assert.equal(masses[0].value, Math.exp(-4.5) + Math.exp(-2.5))
    assert.deepEqual([masses[1], masses[2]], [masses[0], undefined])
  })

  it('computes no tokens that no term needs', async () => {
    const engine = new FakeEngine()
    const { outcomes } = await evaluatorOn(engine).evaluate([itemOf('a a', ' a')], optionsOf({ terms: new Set(['marginal']) }), never())
    await Promise.all(outcomes)
    assert.deepEqual(engine.batches[0]?.sequences, [{ ids: Int32Array.of(0, 3, 8), firstScored: 1 }])

    const empty = new FakeEngine()
    await evaluatorOn(empty).evaluate([itemOf('', 'a')], optionsOf({ terms: new Set(['marginal']) }), never())
    assert.equal(empty.batches.length, 0)
  })

  it('returns the failure of a sequence as the error of its item', async () => {
    const engine = new FakeEngine()
    engine.failureFor = ({ ids }) => (ids[1] === 4 ? new ServiceError('engine_crashed', 'the fake crashes') : null)
    const { outcomes } = await evaluatorOn(engine).evaluate([itemOf([3], [4], 0), itemOf([4], [3], 1)], optionsOf(), never())
    assert.deepEqual((await Promise.all(outcomes)).map(summaryOf), [-6.5, 'engine_crashed'])
  })
})
