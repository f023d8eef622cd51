/**
 * Clients that are too heavy to install, or too old: their requests as they were captured, byte for byte, and what each
 * reads from the answer.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { LogprobBody, ProblemBody } from '../support/logprob-body.ts'
import { type RunningService, startService } from '../support/running-service.ts'

const TEXT = 'The children ran down to the river'
const CONTEXT = 'The children ran down to the'
const NEAR = 1e-4

interface Answer {
  readonly choices: readonly {
    readonly index: number
    readonly text: string
    readonly finish_reason: string
    readonly logprobs: {
      readonly tokens: readonly string[]
      readonly token_logprobs: readonly (number | null)[]
      readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[]
    }
  }[]
}

let service: RunningService
before(async () => {
  service = await startService()
})
after(() => service.stop())

async function completion(body: string, headers: Record<string, string> = {}): Promise<Answer['choices'][number]> {
  const response = await service.post('/v1/completions', body, { headers })
  assert.equal(response.status, 200, await response.clone().text())
  const { choices } = (await response.json()) as Answer
  assert.equal(choices.length, 1)
  return choices[0]!
}

/** Scores in nats: y given x, and x from its second token on; and the number of tokens of y. */
async function scored(x: string, y: string, prefix_token: 'none' | 'auto' = 'none'): Promise<{ conditional: number; joint: number; tokensOfY: number }> {
  const { results } = (await (await service.post('/v1/logprob', { x, y, prefix_token })).json()) as LogprobBody
  const { log_prob, counts } = results[0]!
  return { conditional: Number(log_prob.conditional), joint: Number(log_prob.joint), tokensOfY: counts.y.tokens }
}

const sum = (values: readonly (number | null)[]): number => values.reduce<number>((total, value) => total + (value ?? 0), 0)
const assertNear = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < NEAR, `${actual} instead of ${expected}`)

describe('HELM', () => {
  const BODY = `{"model":"logpr-tiny-en","prompt":"${TEXT}","temperature":0.0,"n":1,"max_tokens":0,"best_of":1,"logprobs":1,"stop":null,"top_p":1,"presence_penalty":0,"frequency_penalty":0,"echo":true}`
  const HEADERS = { authorization: 'Bearer EMPTY' }

  test('finds the score of a reference in the last tokens of its prompt', async () => {
    const { text, finish_reason, logprobs } = await completion(BODY, HEADERS)
    const { conditional, tokensOfY } = await scored(CONTEXT, ' river')

    assert.deepEqual([text, finish_reason], [TEXT, 'length'])
    assertNear(sum(logprobs.token_logprobs.slice(-tokensOfY)), conditional)
  })

  test('finds the score of a text in all tokens, whose strings join to the text', async () => {
    const { logprobs } = await completion(BODY, HEADERS)

    assert.equal(logprobs.tokens.join(''), TEXT)
    assertNear(sum(logprobs.token_logprobs), (await scored(CONTEXT, ' river')).joint)
  })
})

describe('llm-foundry', () => {
  test('gets five candidates for the next token, including the true one if it is likely', async () => {
    const { logprobs } = await completion(`{"model":"logpr-tiny-en","prompt":"${CONTEXT}","max_tokens":1,"logprobs":5,"temperature":0.0}`)
    const [candidates] = logprobs.top_logprobs
    assert.ok(candidates)
    const [best, ...others] = Object.entries(candidates).sort(([, a], [, b]) => b - a)

    assert.deepEqual([logprobs.top_logprobs.length, others.length], [1, 4])
    assert.deepEqual([logprobs.tokens, logprobs.token_logprobs], [[best?.[0]], [best?.[1]]])
    for (const [token, logProb] of Object.entries(candidates)) assertNear(logProb, (await scored(CONTEXT, token)).conditional)
  })
})

describe('old versions of lm-evaluation-harness', () => {
  /** The request of 0.4.0 to 0.4.2: max_tokens 0, and the client sums to the end. */
  const OLD = { model: 'logpr-tiny-en', max_tokens: 0, logprobs: 10, temperature: 0.0, seed: 1234 }

  test('0.4.2 has the whole continuation in the entries after its context', async () => {
    const { tokens } = (await (await service.post('/tokenize', { prompt: TEXT, add_special_tokens: false })).json()) as { tokens: number[] }
    const { conditional, tokensOfY } = await scored(CONTEXT, ' river')
    const { logprobs } = await completion(JSON.stringify({ ...OLD, prompt: [tokens], echo: true }))

    assert.equal(logprobs.token_logprobs.length, tokens.length)
    assertNear(sum(logprobs.token_logprobs.slice(tokens.length - tokensOfY)), conditional)
  })

  test('0.4.3, which forgets echo, is told so instead of being given scores of zero', async () => {
    const response = await service.post('/v1/completions', { ...OLD, prompt: [[1, 2, 3]] })
    const { error } = (await response.json()) as ProblemBody & { error: { message: string } }

    assert.equal(response.status, 400)
    assert.match(error.message, /echo/)
  })
})

describe('promptfoo', () => {
  test('may send logprobs: true', async () => {
    const { logprobs } = await completion(
      JSON.stringify({ prompt: CONTEXT, max_tokens: 1, logprobs: true, best_of: 1, presence_penalty: 0, frequency_penalty: 0 })
    )

    assert.equal(logprobs.token_logprobs.length, 1)
  })
})

describe('clients of rerankers', () => {
  const DOCUMENTS = ['mathematics', 'river']
  const QUERY = `"query": "${CONTEXT}"`

  /** Expected scores: the logistic function of how much more probable the query makes each document, best first. */
  async function ranking(): Promise<{ index: number; score: number }[]> {
    const ratios = await Promise.all(
      DOCUMENTS.map(async (document) => (await scored(CONTEXT, ` ${document}`, 'auto')).conditional - (await scored('', ` ${document}`, 'auto')).conditional)
    )
    return ratios.map((ratio, index) => ({ index, score: 1 / (1 + Math.exp(-ratio)) })).sort((a, b) => b.score - a.score)
  }

  async function ranked(path: string, body: string): Promise<unknown> {
    const response = await service.post(path, body, { headers: { authorization: 'Bearer fake-api-key' } })
    assert.equal(response.status, 200, await response.clone().text())
    return await response.json()
  }

  for (const [client, path, body] of [
    ['Jina and Haystack', '/v1/rerank', `{${QUERY}, "documents": ["mathematics", "river"], "model": "logpr-tiny-en", "top_n": 2}`],
    ['LiteLLM for vLLM', '/rerank', `{"model": "logpr-tiny-en", ${QUERY}, "documents": ["mathematics", "river"], "return_documents": true}`]
  ] as const) {
    test(`${client} get results with index, score and document`, async () => {
      const { results } = (await ranked(path, body)) as { results: { index: number; relevance_score: number; document: { text: string } }[] }
      const expected = await ranking()

      assert.deepEqual(
        results.map(({ index, document }) => [index, document.text]),
        expected.map(({ index }) => [index, DOCUMENTS[index]])
      )
      results.forEach(({ relevance_score }, place) => assertNear(relevance_score, expected[place]!.score))
    })
  }

  test('LiteLLM for Text Embeddings Inference gets a bare list', async () => {
    const body = `{"raw_scores": false, "truncate": false, "truncation_direction": "Right", ${QUERY}, "top_n": 2, "texts": ["mathematics", "river"], "return_text": true}`
    const list = (await ranked('/rerank', body)) as { index: number; score: number; text: string }[]
    const expected = await ranking()

    assert.deepEqual(
      list.map(({ index, text }) => [index, text]),
      expected.map(({ index }) => [index, DOCUMENTS[index]])
    )
    list.forEach(({ score }, place) => assertNear(score, expected[place]!.score))
  })
})
