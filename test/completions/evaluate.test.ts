import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Choice } from '../../src/completions/choice.ts'
import { CompletionsEvaluator } from '../../src/completions/evaluate.ts'
import { type CompletionsBody, completionsRequestOf } from '../../src/completions/request.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/errors.ts'
import type { EvaluationContext } from '../../src/evaluation/evaluation-context.ts'
import type { VerifiedSequence } from '../../src/evaluation/sampled-verification.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { FakeModel } from '../support/fake-model.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'
import { present } from '../support/present.ts'

const MODEL = { vocabSize: 14, textVocabSize: 14 }
const LIMITS = { maxBatchTokens: 64, longTextTokens: 32, maxQueueTokens: 1000 }

function contextOf(causal: EvaluationContext['causal'] = 'exact'): EvaluationContext {
  return { tokenizer: new FakeTokenizer(), vocabSize: 14, maxModelLen: 16, prefixTokenId: 0, toleranceNats: 1e-3, claimsFloat32: true, causal }
}
function evaluatorOn(engine: Engine, causal?: EvaluationContext['causal']): CompletionsEvaluator {
  return new CompletionsEvaluator(contextOf(causal), new Scheduler(engine, LIMITS))
}
const unchanged = (choice: Choice): Choice => choice
const answerOf = (engine: Engine, body: CompletionsBody, causal?: EvaluationContext['causal']) =>
  evaluatorOn(engine, causal).evaluate(completionsRequestOf({ echo: true, logprobs: 0, ...body }), { signal: new AbortController().signal }, unchanged)
const fedBy = ({ batches }: { batches: FakeEngine['batches'] }): number[][] => batches.flatMap(({ sequences }) => sequences.map(({ ids }) => [...ids]))

/** Prompts without common prefix, so that none shares a pass. */
const THREE_PROMPTS = completionsRequestOf({
  prompt: [
    [3, 4, 5],
    [4, 4, 5],
    [5, 4, 5]
  ],
  echo: true,
  logprobs: 0
})

describe('CompletionsEvaluator', () => {
  test('computes equal prompts once', async () => {
    for (const max_tokens of [0, 1]) {
      const model = new FakeModel(MODEL)
      const { choices, usage } = await answerOf(model, {
        prompt: [
          [3, 4, 5],
          [3, 4, 5],
          [3, 4, 5]
        ],
        max_tokens
      })
      assert.equal(fedBy(model).length, 1)
      assert.equal(usage.computed_tokens, 2 + max_tokens)
      assert.deepEqual(choices[2]?.logprobs, choices[0]?.logprobs)
      assert.deepEqual(
        choices.map(({ index }) => index),
        [0, 1, 2]
      )
    }
  })

  test('computes prompts that differ in the last token once, each with its own score', async () => {
    const [together, alone] = [new FakeModel(MODEL), new FakeModel(MODEL)]
    const prompt = [[3, 4, 5], [3, 4, 6], [3, 4, 7], [8]]
    const { choices, usage } = await answerOf(together, { prompt, max_tokens: 0 })
    assert.deepEqual(fedBy(together), [[3, 4, 5]])
    assert.deepEqual(usage, { prompt_tokens: 10, completion_tokens: 0, total_tokens: 10, computed_tokens: 2, cached_tokens: 0 })
    for (const [i, ids] of prompt.entries()) {
      const { choices: own } = await answerOf(alone, { prompt: ids, max_tokens: 0 })
      assert.deepEqual(choices[i]?.logprobs, own[0]?.logprobs)
    }
  })

  test('feeds each differing last token when a token is generated after it', async () => {
    const model = new FakeModel(MODEL)
    const { usage } = await answerOf(model, {
      prompt: [
        [3, 4, 5],
        [3, 4, 6]
      ],
      max_tokens: 1
    })
    assert.deepEqual(
      fedBy(model).map((ids) => ids.slice(0, -1)),
      [
        [3, 4, 5],
        [3, 4, 6]
      ]
    )
    assert.equal(usage.computed_tokens, 6)
  })

  test('generates the most probable token after the whole prompt', async () => {
    const { choices } = await answerOf(new FakeModel(MODEL), { prompt: [3, 4, 5], max_tokens: 1 })
    const [, , , generated] = present(choices[0]?.logprobs?.tokenLogprobs)
    const byId = await Promise.all(
      Array.from({ length: 14 }, async (_, id) => (await answerOf(new FakeModel(MODEL), { prompt: [3, 4, 5, id], max_tokens: 0 })).choices[0]?.logprobs)
    )
    const best = byId.toSorted((a, b) => present(b?.tokenLogprobs[3]) - present(a?.tokenLogprobs[3]))[0]
    assert.deepEqual([choices[0]?.logprobs?.tokens[3], generated], [best?.tokens[3], best?.tokenLogprobs[3]])
  })

  test('computes nothing when no score is requested', async () => {
    const model = new FakeModel(MODEL)
    const { choices } = await evaluatorOn(model).evaluate(
      completionsRequestOf({ prompt: [[3, 4], [5]], echo: true }),
      { signal: new AbortController().signal },
      unchanged
    )
    assert.deepEqual(
      [choices.map(({ text, logprobs }) => [text, logprobs]), model.batches],
      [
        [
          ['ab', null],
          ['c', null]
        ],
        []
      ]
    )
  })

  test('shows a token of probability 0 as -9999 with a warning that names its choice', async () => {
    const { choices, checks } = await answerOf(new FakeModel(MODEL, { maskedId: 5 }), {
      prompt: [
        [3, 4],
        [3, 5, 4]
      ],
      max_tokens: 0
    })
    assert.equal(choices[1]?.logprobs?.tokenLogprobs[1], -9999)
    assert.equal(choices[1]?.logprobs?.topLogprobs[1]?.get('c'), -9999)
    assert.deepEqual([checks.verdict, checks.items.map(({ id, status, choice, value }) => [id, status, choice, value])], ['warn', [['finite', 'warn', 1, 1]]])
  })

  test('fails as a whole when the model returns NaN', async () => {
    const broken = new FakeModel(MODEL, { changedByNats: Number.NaN })
    await assert.rejects(answerOf(broken, { prompt: [[3, 4]], max_tokens: 0 }), { code: 'non_finite_logits' })
    await assert.rejects(answerOf(broken, { prompt: [[3]], max_tokens: 1 }), { code: 'non_finite_logits' })
  })

  test('reports a probability above 1', async () => {
    const { checks } = await answerOf(new FakeModel(MODEL, { changedByNats: 30 }), { prompt: [[3, 4]], max_tokens: 0 })
    assert.deepEqual([checks.verdict, checks.items.map(({ id }) => id)], ['fail', ['log_prob_le_zero']])
  })

  test('rejects the scores of another sequence', async () => {
    const model = new FakeModel(MODEL)
    const swapped: Engine = {
      state: 'ready',
      info: null,
      async score(batch) {
        const scores = await model.score(batch)
        return { ...scores, rows: scores.rows.toReversed() }
      },
      async close() {}
    }
    await assert.rejects(
      answerOf(swapped, {
        prompt: [
          [3, 4, 5],
          [5, 4, 3]
        ],
        max_tokens: 0
      }),
      { code: 'scores_mismatched' }
    )
  })

  test('drops the other prompts of a request when one fails', async () => {
    const engine = new FakeEngine({ held: true })
    engine.failureFor = () => new ServiceError('engine_crashed', 'it ended')
    // Each fills a batch by itself.
    const scheduler = new Scheduler(engine, { ...LIMITS, longTextTokens: 1 })
    const asked = new CompletionsEvaluator(contextOf(), scheduler).evaluate(THREE_PROMPTS, { signal: new AbortController().signal }, unchanged)
    await engine.received(1)
    engine.release()
    await assert.rejects(asked, { code: 'engine_crashed' })
    assert.equal(scheduler.queued.sequences, 0)
    assert.equal(engine.batches.length, 2)
  })

  test('drops waiting prompts when the client disconnects', async () => {
    const engine = new FakeEngine({ held: true })
    const scheduler = new Scheduler(engine, { ...LIMITS, longTextTokens: 1 })
    const client = new AbortController()
    const asked = new CompletionsEvaluator(contextOf(), scheduler).evaluate(THREE_PROMPTS, { signal: client.signal }, unchanged)
    await engine.received(1)
    client.abort(new ServiceError('client_closed_request', 'gone'))
    await assert.rejects(asked, { code: 'client_closed_request' })
    assert.equal(scheduler.queued.sequences, 0)
    engine.release()
  })

  test('adds a warning for an approximate model', async () => {
    const { warnings } = await answerOf(new FakeModel(MODEL), { prompt: [[3, 4]] }, 'approximate')
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['approximate_model']
    )
    assert.deepEqual((await answerOf(new FakeModel(MODEL), { prompt: [[3, 4]] })).warnings, [])
  })

  test('reports every prompt to the listener, with the scores of its own tokens alone', async () => {
    for (const max_tokens of [0, 1]) {
      const told: VerifiedSequence[] = []
      const evaluator = evaluatorOn(new FakeModel(MODEL))
      evaluator.listen((verified) => told.push(verified))
      await evaluator.evaluate(
        completionsRequestOf({ prompt: [[3, 4, 5], [3, 4, 6], [3]], echo: true, logprobs: 1, max_tokens }),
        { signal: new AbortController().signal },
        unchanged
      )
      assert.deepEqual(
        told.map(({ encoded, scored }) => [[...encoded.ids], encoded.scoredStart, encoded.scoredEnd, scored.rows?.logProbs.length]),
        [
          [[3, 4, 5], 1, 3, 2],
          [[3, 4, 6], 1, 3, 2]
        ]
      )
    }
  })
})
