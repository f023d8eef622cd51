import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { type LogprobResultBody, logprobBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import type { JinaBody, TeiBody } from '../support/rerank-body.ts'

const QUERY = 'The children ran down to the'
const DOCUMENTS = ['parliament of the crows', 'river and swam.', 'sea', 'caf\u00e9 \u{1f469}\u200d\u{1f467} by the shore']
const PATHS = ['/v1/rerank', '/v2/rerank', '/rerank']
/** Passes of other shapes differ by the noise of float32, nats per token; the ceiling of the model's own tolerance. */
const TOLERANCE = 1e-3

let service: HttpApp
before(async () => {
  service = await startApp()
})
after(() => service.close())

async function ok<T>(path: string, body: object): Promise<T> {
  const response = await service.post(path, body)
  assert.equal(response.status, 200, await response.clone().text())
  assert.match(present(response.headers.get('content-type')), /^application\/json/)
  return (await response.json()) as T
}
const jina = (body: object, path = '/v1/rerank'): Promise<JinaBody> => ok(path, { query: QUERY, documents: DOCUMENTS, ...body })
const tei = (body: object, path = '/rerank'): Promise<TeiBody> => ok(path, { query: QUERY, texts: DOCUMENTS, ...body })
const logprob = async (body: object): Promise<LogprobResultBody[]> => [
  ...(await logprobBody(await service.post('/v1/logprob', { terms: ['conditional'], ...body }))).results
]
const indices = (results: readonly { readonly index: number }[]): number[] => results.map(({ index }) => index)
const byIndex = <T extends { readonly index: number }>(results: readonly T[]): T[] => results.toSorted((a, b) => a.index - b.index)
const close = (a: number, b: number, what: string): void => assert.ok(Math.abs(a - b) <= TOLERANCE, `${what}: ${a} is not ${b}`)

describe('POST /v1/rerank of documents', () => {
  test('has the numbers of /v1/logprob for the same x and y, to the last digit', async () => {
    for (const [index, document] of DOCUMENTS.entries()) {
      const { results } = await jina({ documents: [document], normalization: 'per_token' })
      const [expected] = await logprob({ x: QUERY, y: ` ${document}` })
      assert.equal(results[0]?.log_prob, expected?.log_prob.conditional, `document ${index}`)
      assert.deepEqual(results[0]?.counts, expected?.counts)
      assert.equal(results[0]?.normalized_log_prob, expected?.normalized.per_token)
    }
  })

  test('has those numbers beside other documents, to the noise of a batch', async () => {
    const expected = await logprob({ x: QUERY, y: DOCUMENTS.map((document) => ` ${document}`) })
    for (const { index, log_prob: logProb } of (await jina({})).results) close(logProb, present(expected[index]?.log_prob.conditional), `document ${index}`)
  })

  test('scores the query after each document on the other direction', async () => {
    const { results } = await jina({ direction: 'query_given_document' })
    const expected = await logprob({ pairs: DOCUMENTS.map((x) => ({ x, y: ` ${QUERY}` })) })
    for (const { index, log_prob: logProb, counts } of results) {
      close(logProb, present(expected[index]?.log_prob.conditional), `document ${index}`)
      assert.deepEqual(counts, expected[index]?.counts)
    }
  })

  test('puts the end of the separator that is not spaces into x', async () => {
    const { results } = await jina({ documents: ['the river'], separator: '.\nAnswer: ', normalization: 'sum' })
    const [expected] = await logprob({ x: `${QUERY}.\nAnswer:`, y: ' the river' })
    assert.equal(results[0]?.log_prob, expected?.log_prob.conditional)
  })

  test('normalises as each formula says', async () => {
    const sums = await logprob({ x: QUERY, y: DOCUMENTS.map((document) => ` ${document}`) })
    const tokenIds = await Promise.all(DOCUMENTS.map((document) => idsOfY(QUERY, ` ${document}`)))
    const after = async (x: string): Promise<number[]> =>
      (await logprob({ pairs: tokenIds.map((y) => ({ x, y })) })).map(({ log_prob: terms }) => present(terms.conditional))
    const alone = await after('')
    const afterDomain = await after('They went to')
    const s = (i: number): number => present(sums[i]?.log_prob.conditional)
    const text = (i: number): string => ` ${DOCUMENTS[i]}`

    const formulas: readonly (readonly [object, (i: number) => number])[] = [
      [{ normalization: 'sum' }, s],
      [{ normalization: 'per_token' }, (i) => s(i) / present(tokenIds[i]?.length)],
      [{ normalization: 'per_char' }, (i) => s(i) / [...text(i)].length],
      [{ normalization: 'per_byte' }, (i) => s(i) / new TextEncoder().encode(text(i)).length],
      [{ normalization: 'alpha', alpha: 0.6 }, (i) => s(i) / Math.exp(0.6 * Math.log(present(tokenIds[i]?.length)))],
      [{ normalization: 'pmi' }, (i) => s(i) - present(alone[i])],
      [{ normalization: 'dc_pmi', domain_prompt: 'They went to' }, (i) => s(i) - present(afterDomain[i])]
    ]
    for (const [fields, formula] of formulas) {
      const { results } = await jina(fields)
      assert.equal(results.length, DOCUMENTS.length)
      const isRatio = 'baseline_log_prob' in present(results[0])
      for (const { index, normalized_log_prob: value, relevance_score: score } of results) {
        close(value, formula(index), `${JSON.stringify(fields)} of document ${index}`)
        close(score, isRatio ? 1 / (1 + Math.exp(-value)) : Math.exp(value), 'score')
      }
      const values = results.map(({ normalized_log_prob: value }) => value)
      assert.deepEqual(
        values,
        values.toSorted((a, b) => b - a)
      )
    }
  })

  test('does not prefer a document for being short', async () => {
    const documents = ['river', 'river and the boys swam in the water']
    assert.deepEqual(indices((await jina({ documents, normalization: 'sum' })).results), [0, 1])
    assert.deepEqual(indices((await jina({ documents, normalization: 'per_token' })).results), [1, 0])
  })

  test('gives identical documents one number, and counts them once in computed_tokens', async () => {
    const once = await jina({ documents: ['river', 'sea'], normalization: 'sum' })
    const twice = await jina({ documents: ['river', 'sea', 'river', 'river'], normalization: 'sum' })
    const rivers = twice.results.filter(({ index }) => index !== 1)
    assert.equal(new Set(rivers.map(({ log_prob: logProb }) => logProb)).size, 1)
    assert.deepEqual(indices(rivers), [0, 2, 3])
    assert.equal(twice.usage.computed_tokens, once.usage.computed_tokens)
    assert.equal(twice.usage.prompt_tokens, 2 * once.usage.prompt_tokens)
  })

  test('computes the query once for all answers of one token', async () => {
    const documents = ['river', 'sea', 'water', 'house']
    const { results, usage } = await jina({ documents, normalization: 'sum' })
    assert.ok(results.every(({ counts }) => counts.y.tokens === 1))
    const [{ counts } = { counts: null }] = results
    // The prefix token and x are fed; the answers are only read off the last row.
    assert.equal(usage.computed_tokens, 1 + present(counts?.x.tokens))
    assert.equal(usage.prompt_tokens, 4 * usage.computed_tokens)
    for (const { index, log_prob: logProb } of results) {
      const [alone] = await logprob({ x: QUERY, y: ` ${documents[index]}` })
      assert.equal(logProb, alone?.log_prob.conditional, documents[index])
    }
  })

  test('counts the passes of a baseline as computed', async () => {
    const plain = await jina({ normalization: 'per_token' })
    const pmi = await jina({ normalization: 'pmi' })
    assert.equal(pmi.usage.total_tokens, plain.usage.total_tokens)
    // After the prefix token, which the documents share: all of y is fed but its last token.
    assert.ok(pmi.usage.computed_tokens > plain.usage.computed_tokens)
    assert.ok(pmi.usage.computed_tokens <= plain.usage.computed_tokens + plain.usage.completion_tokens)
  })

  test('ranks a hundred documents, each with its own number', async () => {
    const documents = Array.from({ length: 100 }, (_, i) => `${'river '.repeat(i % 7)}and ${i}`)
    const { results, meta } = await jina({ documents })
    assert.deepEqual(
      indices(results).toSorted((a, b) => a - b),
      documents.map((_, i) => i)
    )
    assert.equal(meta.billed_units.search_units, 1)
    const expected = await logprob({ x: QUERY, y: documents.map((document) => ` ${document}`) })
    for (const { index, log_prob: logProb, document } of results) {
      assert.equal(document?.text, documents[index])
      close(logProb, present(expected[index]?.log_prob.conditional), `document ${index}`)
    }
  })

  test('warns when a token lies across the end of x', async () => {
    const { results } = await jina({ query: 'Once upon a ti', documents: ['me', ' day'], separator: '' })
    assert.deepEqual(
      byIndex(results).map(({ warnings }) => warnings.some(({ code }) => code === 'boundary_merged')),
      [true, false]
    )
  })

  test('takes the fields that clients of other services send, and names those without effect', async () => {
    const { warnings } = await jina({
      model: 'logpr-tiny-en',
      documents: [{ text: 'river', title: 'a' }, 'sea'],
      top_n: null,
      rank_fields: null,
      return_documents: null,
      max_tokens_per_doc: 4096,
      truncate_prompt_tokens: null,
      max_chunks_per_doc: 10,
      normalisation: 'sum'
    })
    assert.deepEqual(
      warnings.map(({ code, message }) => [code, message.split(' ')[0]]),
      [
        ['field_ignored', 'max_chunks_per_doc'],
        ['field_ignored', 'normalisation']
      ]
    )
  })

  for (const [path, version] of [
    ['/v1/rerank', '1'],
    ['/v2/rerank', '2'],
    ['/rerank', '2']
  ] as const)
    test(`answers under ${path} with what clients of Jina, Cohere and vLLM read`, async () => {
      const { object, id, model, usage, meta, stamp } = await jina({}, path)
      assert.match(id, /^rerank-/)
      assert.deepEqual([object, model], ['list', 'logpr-tiny-en'])
      assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
      assert.deepEqual(meta, { api_version: { version }, billed_units: { search_units: 1 } })
      assert.ok(stamp)
    })
})

describe('POST /rerank of texts', () => {
  test('answers with a bare list of the same numbers', async () => {
    const { results } = await jina({})
    for (const path of PATHS) {
      const ranks = await tei({}, path)
      assert.deepEqual(indices(ranks), indices(results))
      for (const [i, { score }] of ranks.entries()) close(score, present(results[i]?.relevance_score), 'score')
      assert.ok(ranks.every((rank) => !('text' in rank)))
    }
  })

  test('has the text and the raw score when they are wanted', async () => {
    for (const { index, text, score, normalized_log_prob: value } of await tei({ return_text: true, raw_scores: true })) {
      assert.equal(text, DOCUMENTS[index])
      assert.equal(score, value)
    }
  })

  test('has every text although top_n comes along, as LiteLLM sends it', async () => {
    const body = { raw_scores: false, truncate: false, truncation_direction: 'Right', top_n: 1, return_text: true }
    assert.equal((await tei(body)).length, DOCUMENTS.length)
  })

  test('puts the last of equal texts first', async () => {
    assert.deepEqual(indices(await tei({ texts: ['sea', 'sea', 'sea'] })), [2, 1, 0])
  })

  test('takes truncate where nothing is too long, and leaves out tokens on the left alone', async () => {
    assert.equal((await tei({ truncate: true })).length, DOCUMENTS.length)
    const [rank] = await tei({ query: 'river '.repeat(600), texts: ['sea'], truncate: true, truncation_direction: 'left' })
    assert.ok(rank?.warnings.some(({ code }) => code === 'truncated_left'))
  })
})

describe('clients of rerankers', () => {
  const everyForm = async (body: object): Promise<{ index: number; score: number }[][]> => [
    ...(await Promise.all(PATHS.map(async (path) => (await jina(body, path)).results.map(({ index, relevance_score: score }) => ({ index, score }))))),
    [...(await tei(body))]
  ]

  test('get numbers in (0, 1], the largest first, with the index of the request', async () => {
    for (const normalization of ['per_token', 'sum', 'per_char', 'per_byte', 'pmi'])
      for (const results of await everyForm({ normalization })) {
        assert.ok(results.every(({ score }) => score > 0 && score <= 1))
        assert.deepEqual(
          results.map(({ score }) => score),
          results.map(({ score }) => score).toSorted((a, b) => b - a)
        )
        assert.deepEqual(
          indices(results).toSorted((a, b) => a - b),
          DOCUMENTS.map((_, i) => i)
        )
      }
  })

  test('get every document when top_n is absent, null, zero, negative or too large, and else so many', async () => {
    for (const topN of [undefined, null, 0, -1, 100]) assert.equal((await jina({ top_n: topN })).results.length, DOCUMENTS.length, String(topN))
    const all = (await jina({})).results
    assert.deepEqual(indices((await jina({ top_n: 2 })).results), indices(all).slice(0, 2))
  })

  test('get an order that is not one of length', async () => {
    const { results, normalization } = await jina({})
    assert.equal(normalization, 'pmi')
    assert.deepEqual(results, (await jina({ normalization: 'pmi' })).results)
    assert.equal((await jina({ direction: 'query_given_document' })).normalization, 'per_token')
  })

  test('are told when the normalization lets the length decide', async () => {
    const documents = ['river', 'river and the boys swam in the water']
    const codes = async (body: object): Promise<string[]> => (await jina({ documents, ...body })).warnings.map(({ code }) => code)
    for (const normalization of ['sum', 'per_token', 'per_char', 'per_byte'])
      assert.deepEqual(await codes({ normalization }), ['lengths_differ'], normalization)
    assert.deepEqual(await codes({}), [])
    assert.deepEqual(await codes({ documents: ['river', 'sea'], normalization: 'sum' }), [])
    assert.deepEqual(
      (await tei({ texts: documents, normalization: 'sum' })).map(({ warnings }) => warnings.map(({ code }) => code)),
      [['lengths_differ'], []]
    )
  })

  test('get document as an object with text, or not at all', async () => {
    for (const { index, document } of (await jina({})).results) assert.deepEqual(document, { text: DOCUMENTS[index] })
    for (const result of (await jina({ return_documents: false })).results) assert.ok(!('document' in result))
  })
})

/** The ids of y in the sequence that is scored. */
async function idsOfY(x: string, y: string): Promise<number[]> {
  const [result] = await logprob({ x, y, detail: 'tokens' })
  return (result?.tokens ?? []).flatMap(({ part, id }) => (part === 'y' ? [id] : []))
}
