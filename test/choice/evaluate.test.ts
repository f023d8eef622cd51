import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Answers, answerQuestions, sequenceCount } from '../../src/choice/evaluate.ts'
import { questionsOf, type RequestedQuestions } from '../../src/choice/request.ts'
import { ServiceError } from '../../src/errors.ts'
import { LogprobEvaluator } from '../../src/evaluation/logprob-evaluator.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { contextOf } from '../support/logprob-items.ts'

const LIMITS = { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1000 }

function answered(body: RequestedQuestions, engine = new FakeEngine()): Promise<Answers> {
  const evaluator = new LogprobEvaluator(contextOf(), new Scheduler(engine, LIMITS))
  return answerQuestions(questionsOf(body), { verify: 'standard', detail: 'summary', topLogprobs: 0 }, evaluator, { signal: new AbortController().signal })
}

const sequencesOf = ({ batches }: FakeEngine): number[][] => batches.flatMap(({ sequences }) => sequences.map(({ ids }) => [...ids]))

describe('answerQuestions', () => {
  it('scores the same token ids behind each x of a baseline', async () => {
    const engine = new FakeEngine()
    await answered({ x: 'a', choices: [' a a', 'c a'], content_free: ['c', 'a a'] }, engine)
    const sequences = sequencesOf(engine)
    for (const [x, ids] of [
      ['a', [0, 3]],
      ['c', [0, 5]]
    ] as const)
      for (const y of [
        [8, 8],
        [5, 8]
      ])
        assert.ok(
          sequences.some((each) => each.join() === [...ids, ...y].join()),
          `${y} behind ${x}: ${JSON.stringify(sequences)}`
        )
  })

  it('computes a prompt once for all choices of one token', async () => {
    const engine = new FakeEngine()
    const { usage } = await answered({ x: 'a a a', choices: [' a', 'c', ' '] }, engine)
    assert.equal(sequencesOf(engine).length, 1)
    assert.equal(usage.completion_tokens, 3)
  })

  it('fails a question, and no other, for a choice that cannot be scored', async () => {
    const good = { x: 'a', choices: [' a', 'c'] }
    const { results } = await answered({ questions: [good, { x: [99_999], choices: [' a', 'c'], score: 'pmi' }, good] })
    assert.deepEqual(
      results.map((result) => (result instanceof ServiceError ? result.code : result.best)),
      ['c', 'token_out_of_range', 'c']
    )
  })
})

describe('sequenceCount', () => {
  it('counts every spelling once, and once more for each x of a baseline', () => {
    const choices = [' a', { name: 'b', texts: ['c', ' '] }]
    const counted = (more: object): number => sequenceCount(questionsOf({ x: 'a', choices, ...more }))
    assert.deepEqual([counted({}), counted({ score: 'pmi' }), counted({ content_free: ['N/A', ''] })], [3, 6, 9])
  })
})
