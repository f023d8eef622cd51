import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { present } from '../support/present.ts'
import type { JinaBody, TeiBody } from '../support/rerank-body.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** Computed by transformers in float64, with the recipes of the model cards: test/oracle/check_rerank.py. */
const CASES = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'rerank', 'yes-no.json'), 'utf8')) as readonly {
  readonly name: string
  readonly template: string
  readonly query: string
  readonly instruction?: string
  readonly documents: readonly string[]
  readonly expected: readonly { readonly yes: number; readonly no: number; readonly relevance_score: number }[]
}[]
/** Float32 differs from float64 by up to 7e-5 nats per token, and a label has up to 2 tokens here. */
const TOLERANCE = 3e-4
const OWN = { name: 'own', pieces: ['Question: {query}\n', 'Text: {document}\n', 'Answer:'], labels: { yes: ' yes', no: ' no' } }

let service: HttpApp
before(async () => {
  service = await startApp()
})
after(() => service.close())

const ask = (body: object, app = service): Promise<Response> => app.post('/v1/rerank', { scoring: 'yes_no', template: 'bge-reranker-v2-gemma', ...body })
async function ok<T>(body: object, app = service): Promise<T> {
  const response = await ask(body, app)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as T
}
const close = (found: number, expected: number, what: string): void =>
  assert.ok(Math.abs(found - expected) <= TOLERANCE, `${what}: ${found} is not ${expected}`)

describe('POST /v1/rerank with scoring yes_no', () => {
  for (const { name, expected, ...body } of CASES)
    test(`equals float64: ${name}`, async () => {
      const { results, scoring, template, normalization } = await ok<JinaBody>(body)
      assert.deepEqual([scoring, template, normalization], ['yes_no', body.template, undefined])
      for (const { index, labels, relevance_score: score, log_prob: logProb, normalized_log_prob: logOdds } of results) {
        const { yes, no, mass } = present(labels)
        close(yes, present(expected[index]).yes, `yes of document ${index}`)
        close(no, present(expected[index]).no, `no of document ${index}`)
        close(score, present(expected[index]).relevance_score, `score of document ${index}`)
        assert.deepEqual([logProb, logOdds, mass], [yes, yes - no, Math.exp(yes) + Math.exp(no)])
      }
      const scores = results.map(({ relevance_score: score }) => score)
      assert.deepEqual(
        scores,
        scores.toSorted((a, b) => b - a)
      )
    })

  test('answers texts with a list', async () => {
    const { documents, query } = present(CASES[0])
    const { results } = await ok<JinaBody>({ query, documents })
    const ranks = await ok<TeiBody>({ query, texts: documents, raw_scores: true })
    assert.deepEqual(
      ranks.map(({ index, score }) => [index, score.toFixed(4)]),
      results.map(({ index, normalized_log_prob: value }) => [index, value.toFixed(4)])
    )
  })

  test('computes what stands before the documents once', async () => {
    const query = 'The children ran down to the river. '.repeat(6)
    const computed = async (documents: readonly string[]): Promise<number> =>
      (await ok<JinaBody>({ query: `${documents.length} ${query}`, documents })).usage.computed_tokens
    const [one, four] = [await computed(['the cat']), await computed(['the cat', 'the dog', 'the old man', 'the moon'])]
    assert.ok(four < 3 * one, `one document ${one}, four ${four}`)
  })

  test('refuses a template for which the model has no tokens, and names others', async () => {
    const response = await ask({ query: 'a', documents: ['b'], template: 'qwen3-reranker' })
    assert.equal(response.status, 400)
    assert.match(await response.text(), /template qwen3-reranker needs the token <\|im_start\|>/)
    assert.match(await (await ask({ query: 'a', documents: ['b'], template: 'x' })).text(), /qwen3-reranker, bge-reranker-v2-gemma/)
  })

  test('never truncates a document', async () => {
    const response = await ask({ query: 'a', documents: ['b', 'river '.repeat(2000)] })
    const { code, error } = (await response.json()) as { code: string; error: { param: string } }
    assert.deepEqual([response.status, code, error.param], [400, 'context_length_exceeded', 'documents/1'])
  })

  test('has the template of a file as default', async (t) => {
    const folder = tempFolder(t, { 'own.json': JSON.stringify(OWN) })
    const own = await startApp({ env: { LOGPR_RERANK_TEMPLATE: join(folder, 'own.json') } })
    try {
      const { template, results } = await ok<JinaBody>({ query: 'Where?', documents: ['Here.'], template: undefined }, own)
      assert.equal(template, 'own')
      const x = 'Question: Where?\nText: Here.\nAnswer:'
      const response = await service.post('/v1/logprob', { x, y: [' yes', ' no'], terms: ['conditional'] })
      const expected = ((await response.json()) as { results: { log_prob: { conditional: number } }[] }).results.map(
        ({ log_prob: { conditional } }) => conditional
      )
      close(present(results[0]?.labels).yes, present(expected[0]), 'yes')
      close(present(results[0]?.labels).no, present(expected[1]), 'no')
    } finally {
      await own.close()
    }
  })
})
