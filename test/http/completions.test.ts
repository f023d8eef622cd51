import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { loadFullLogits } from '../../bench/support/full-logits.ts'
import { EMBEDDED_MODEL, specOf } from '../../bench/support/models.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type ChoiceBody, completionsOf, onlyChoice } from '../support/completions-body.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { logprobBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { referenceScores } from '../support/reference-scores.ts'

interface GoldenItem {
  readonly x_ids: readonly number[]
  readonly y_ids: readonly number[]
  readonly log_probs_x: readonly number[]
  readonly log_probs_y: readonly number[]
}
const { items: GOLDEN } = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'golden', 'embedded.json'), 'utf8')) as { items: readonly GoldenItem[] }

const TEXT = 'The children ran down to the river'
/** Nats a token, against numbers in float64. */
const TOLERANCE = 1e-4
let service: HttpApp

before(async () => {
  service = await startApp()
})
after(() => service.close())

describe('POST /v1/completions', () => {
  test("answers in OpenAI's legacy shape", async () => {
    const answer = await completionsOf(service, { model: 'logpr-tiny-en', prompt: TEXT, max_tokens: 1, echo: true, logprobs: 1, seed: 1234, temperature: 0 })
    assert.match(answer.id, /^cmpl-[0-9a-f-]{36}$/)
    assert.deepEqual([answer.object, answer.model], ['text_completion', 'logpr-tiny-en'])
    assert.ok(Math.abs(answer.created - Date.now() / 1000) < 600)
    assert.deepEqual(Object.keys(present(answer.choices[0])), ['index', 'text', 'logprobs', 'finish_reason'])
    assert.equal(answer.choices[0]?.finish_reason, 'length')
    assert.deepEqual(answer.usage, { prompt_tokens: 7, completion_tokens: 1, total_tokens: 8, computed_tokens: 7, cached_tokens: 0 })
    assert.deepEqual([answer.logpr.checks, answer.logpr.warnings], [{ verdict: 'pass', items: [] }, []])
    assert.equal(answer.logpr.stamp.causal, 'exact')
  })

  test('has the numbers of transformers in float64, in one body of mixed lengths', async (t) => {
    const items = GOLDEN.filter(({ x_ids: x, y_ids: y }, i) => i % 16 === 0 && x.length + y.length > 0)
    const { choices } = await completionsOf(service, { prompt: items.map(({ x_ids: x, y_ids: y }) => [0, ...x, ...y]), max_tokens: 1, echo: true, logprobs: 0 })
    let largest = 0
    items.forEach(({ log_probs_x: x, log_probs_y: y }, i) => {
      const [first, ...rest] = present(choices[i]?.logprobs?.token_logprobs)
      assert.equal(first, null)
      assert.equal(rest.length, x.length + y.length + 1)
      ;[...x, ...y].forEach((expected, k) => {
        largest = Math.max(largest, Math.abs(present(rest[k]) - expected))
      })
    })
    t.diagnostic(`${items.length} prompts, largest difference ${largest.toExponential(2)} nats`)
    assert.ok(largest <= TOLERANCE)
  })

  test('generates the token, with the top tokens and ranks, that the logits of the exported model say', async () => {
    const ids = [485, 1282, 2334, 886, 322]
    const choice = await onlyChoice(service, { prompt: [ids], max_tokens: 1, echo: true, logprobs: 20, prompt_logprobs: 20, return_tokens_as_token_ids: true })
    const spec = specOf(EMBEDDED_MODEL)
    const logits = await (await loadFullLogits(spec)).logits({ sequences: [{ ids: Int32Array.from([...ids, 0]), firstScored: 1 }], topCount: null })
    const close = (a: number | null | undefined, b: number): boolean => Math.abs(present(a) - b) <= TOLERANCE

    ids.forEach((_, position) => {
      const row = Array.from(logits.subarray(position * spec.vocabSize, (position + 1) * spec.vocabSize))
      const target = ids[position + 1]
      const expected = referenceScores(row, target ?? 0)
      const top = present(choice.logprobs.top_logprobs[position + 1])
      for (const { id, logProb } of expected.byProbability.slice(0, 20)) assert.ok(close(top[`token_id:${id}`], logProb))
      if (target === undefined) {
        assert.equal(choice.logprobs.tokens[position + 1], `token_id:${expected.bestId}`)
        assert.ok(close(choice.logprobs.token_logprobs[position + 1], expected.bestLogProb))
      } else {
        const own = choice.prompt_logprobs?.[position + 1]?.[target]
        assert.ok(close(own?.logprob, expected.logProb))
        assert.equal(own?.rank, expected.higherCount + 1)
      }
    })
  })

  test('has the numbers of /v1/logprob for the same ids, to the last digit', async () => {
    const ids = [485, 1282, 2334, 886, 322, 262, 273]
    const { results } = await logprobBody(await service.post('/v1/logprob', { x: ids.slice(0, 1), y: ids.slice(1), prefix_token: 'none', top_logprobs: 3 }))
    const choice = await onlyChoice(service, { prompt: ids, echo: true, logprobs: 3, prompt_logprobs: 3 })
    const tokens = present(results[0]?.tokens)

    assert.deepEqual(
      choice.logprobs.token_logprobs,
      tokens.map(({ log_prob: logProb }) => logProb)
    )
    assert.deepEqual(
      choice.prompt_logprobs?.map((entry, i) => entry?.[present(ids[i])]?.rank ?? null),
      tokens.map(({ rank }) => rank)
    )
    tokens.forEach(({ top = [] }, i) => {
      for (const { id, log_prob: logProb } of top) assert.equal(choice.prompt_logprobs?.[i]?.[id]?.logprob, logProb)
    })
  })

  test('answers texts and their ids, one by one and in lists, with the same numbers', async () => {
    const texts = [TEXT, 'A dog', 'He took his hat from the table and went out.']
    const fields = { max_tokens: 1, echo: true, logprobs: 2 }
    const prompts: number[][] = []
    const alone: ChoiceBody[] = []
    for (const prompt of texts) {
      const choice = await onlyChoice(service, { prompt, ...fields, prompt_logprobs: 0 })
      // The first token has no entry.
      prompts.push(present(choice.prompt_logprobs).map((entry) => Number(Object.keys(entry ?? {})[0] ?? Number.NaN)))
      alone.push(choice)
    }
    const firstIds = (await logprobBody(await service.post('/v1/logprob', { pairs: texts.map((y) => ({ x: '', y })), detail: 'tokens' }))).results.map(
      ({ tokens = [] }) => tokens.filter(({ part }) => part === 'y').map(({ id }) => id)
    )
    firstIds.forEach((ids, i) => {
      assert.deepEqual(prompts[i]?.slice(1), ids.slice(1))
    })

    const bodies = [{ prompt: texts }, { prompt: firstIds }, { prompt: firstIds.toReversed() }]
    for (const body of bodies) {
      const { choices } = await completionsOf(service, { ...body, ...fields })
      const inOrder = body === bodies[2] ? choices.toReversed() : choices
      inOrder.forEach(({ text, logprobs }, i) => {
        const own = alone[i]?.logprobs
        assert.deepEqual([text, logprobs?.tokens, logprobs?.text_offset], [alone[i]?.text, own?.tokens, own?.text_offset])
        logprobs?.token_logprobs.forEach((value, k) => {
          assert.ok(value === own?.token_logprobs[k] || Math.abs(present(value) - present(own?.token_logprobs[k])) <= 1e-4)
        })
      })
    }
    assert.deepEqual((await onlyChoice(service, { prompt: firstIds[0], ...fields })).logprobs, alone[0]?.logprobs)
  })

  test('computes equal prompts once, and what prompts begin with', async () => {
    const prompt = ['The cat sat', 'The cat ran', 'The cat ran', 'The dog']
    const asked = async (max_tokens: number): Promise<number> =>
      (await completionsOf(service, { prompt, max_tokens, echo: true, logprobs: 1 })).usage.computed_tokens
    // "The cat", whose row predicts the last token of three prompts; "The dog" feeds "The" alone.
    assert.equal(await asked(0), 2)
    // With a token behind the prompt all of it is fed: "The", "cat", "sat", "ran" and "dog".
    assert.equal(await asked(1), 5)
  })

  test('counts prompts in the metric of scored items', async () => {
    const count = async (): Promise<number> => Number(present(/^logpr_items_total\{[^}]*\} (\d+)$/m.exec(await (await service.get('/metrics')).text())?.[1]))
    const before_ = await count()
    await completionsOf(service, { prompt: ['a', 'b', 'b'], max_tokens: 0, echo: true, logprobs: 1 })
    assert.equal((await count()) - before_, 3)
  })
})
