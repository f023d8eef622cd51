import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { LightMyRequestResponse } from 'fastify'
import type { ErrorCode } from '../../src/errors.ts'
import { ERROR_KINDS } from '../../src/http/problem.ts'
import { ApiDescription, type DescribedOperation } from '../support/api-description.ts'
import type { Asked } from '../support/asked.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { loadingApp } from '../support/loading-app.ts'
import { present } from '../support/present.ts'

let app: HttpApp
let api: ApiDescription

before(async () => {
  app = await startApp()
  api = await ApiDescription.of(app)
})
after(() => app.close())

const send = (to: Asked, { method, path }: DescribedOperation, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  method === 'GET' ? to.get(path) : to.post(path, body, { headers })

/** Asserts that the operation answers with the status as it is described. */
async function assertAnswer(to: Asked, operation: DescribedOperation, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const response = await send(to, operation, body, headers)
  assert.equal(response.status, status, `${operation.operationId}: ${await response.clone().text()}`)
  await api.assertDescribed(operation, response)
}

const exampleOf = ({ examples }: DescribedOperation): object => present(examples[0])
const withBodies = (): DescribedOperation[] => api.operations.filter(({ method }) => method === 'POST')
/** Those that count against the limits of a client. */
const limited = (): DescribedOperation[] => api.operations.filter(({ tags }) => !tags.includes('Operations'))

const responseOf = ({ statusCode: status, body, headers }: LightMyRequestResponse): Response =>
  new Response(body, { status, headers: { 'content-type': String(headers['content-type']) } })

describe('the API description', () => {
  test('has a summary, a description and described parameters for every operation, and an example of every body', () => {
    for (const { operationId, summary, description, parameters = [], method, examples } of api.operations) {
      assert.ok(summary !== undefined && description !== undefined, operationId)
      assert.ok(method === 'GET' || examples.length > 0, `${operationId} has no example`)
      for (const parameter of parameters) assert.ok(parameter.description !== undefined, `${parameter.name} of ${operationId}`)
      for (const { in: place, example } of parameters) assert.ok(place !== 'path' || example !== undefined, operationId)
    }
  })

  test('names every schema with fields, and describes it and each field', () => {
    const found: string[] = []
    const visit = (value: unknown, place: string, isNamed: boolean): void => {
      if (typeof value !== 'object' || value === null) return
      const { properties, description } = value as { readonly properties?: object; readonly description?: string }
      if (properties !== undefined && !isNamed) found.push(`${place} has no name`)
      if (properties !== undefined && description === undefined) found.push(`${place} has no description`)
      for (const [name, field] of Object.entries(properties ?? {})) {
        const shown = JSON.stringify(field)
        if (!/"(?:description|\$ref|const)"/.test(shown)) found.push(`${place}.${name} has no description`)
      }
      for (const [key, item] of Object.entries(value))
        if (!['then', 'examples', 'example'].includes(key)) visit(item, `${place}/${key}`, key === 'items' && isText(value))
    }
    // The only object that may be a text instead.
    const isText = (value: object): boolean => JSON.stringify(value).includes('["string","object"]')
    for (const [name, schema] of Object.entries(api.document.components.schemas)) visit(schema, name, true)
    visit(api.document.paths, 'paths', false)
    assert.deepEqual(found, [])
  })

  test('is shown under the name of the product', async () => {
    assert.match(await (await app.get('/docs/')).text(), /<title>logpr API<\/title>/)
  })
})

describe('a response is as described, without another field', () => {
  test('200 to every example and every GET', async () => {
    for (const operation of api.operations)
      for (const body of operation.method === 'GET' ? [{}] : operation.examples) await assertAnswer(app, operation, 200, body)
  })

  for (const [id, body] of [
    ['scoreLogprob', { x: 'The cat', y: [' sat', [5, 999_999]], eos: 'score', verify: 'deep', top_logprobs: 2 }],
    ['scoreLogprob', { x: 'The cat ', y: 'sat', boundary: 'move_space', prefix_token: 'none', terms: ['conditional'] }],
    ['scoreLogprob', { x: 'The ca', y: 't sat', detail: 'tokens' }],
    ['scoreLogprob', { x: 'The cat sat. '.repeat(300), y: ' sat', on_overflow: 'truncate_left' }],
    [
      'scoreLogprob',
      {
        pairs: [
          { id: 'a', x: '', y: ' a' },
          { x: [464], y: [262] }
        ],
        boundary: 'strict'
      }
    ],
    ['scoreLoss', { x: 'The cat', y: ' sat', eos: 'score', prompt_loss_weight: 0.5, reported_loss: 1e6, prefix_token: 'none' }],
    ['scoreLoss', { segments: [{ text: 'The cat', train: false }] }],
    ['scoreLoss', { input_ids: [300, 301, 302], labels: [-100, 301, -100], attention_mask: [1, 1, 0], reported_loss: 2 }],
    [
      'scoreLoss',
      {
        examples: [
          { x: 'The cat', y: ' sat' },
          { x: 'a', y: ' b', reported_loss: 2 }
        ],
        detail: 'tokens',
        reported_loss: 1e6
      }
    ],
    ['checkLogprobs', { joint: -2000, marginal: -1, conditional: -1999, x_tokens: 1, y_tokens: 1, token_log_probs: [null, -1999] }],
    ['scoreCompletions', { prompt: [[464, 262]], echo: true, logprobs: 2, prompt_logprobs: 2, max_tokens: 1, return_tokens_as_token_ids: true }],
    ['scoreChatCompletions', { messages: [{ role: 'user', content: 'Hi' }], prompt_logprobs: 1, max_tokens: 1, no_such_field: 1 }],
    ['rerank', { query: 'a cat', documents: ['the cat', { text: 'a dog' }], normalization: 'pmi', return_documents: false }],
    ['rerankV2', { query: 'a cat', texts: ['the cat', 'a dog'], normalization: 'dc_pmi', domain_prompt: 'Pets:', raw_scores: true }],
    ['tokenize', { messages: [{ role: 'user', content: 'Hi', unread: 1 }] }]
  ] as const)
    test(`200 of ${id} to ${JSON.stringify(body).slice(0, 80)}`, () => assertAnswer(app, api.operation(id), 200, body))

  test('200 as NDJSON, of results and failures', () =>
    assertAnswer(app, api.operation('scoreLogprob'), 200, { x: 'The cat', y: [' sat', ''] }, { accept: 'application/x-ndjson' }))

  test('400 to a body that is no JSON, and to one with a field of the wrong type', async () => {
    for (const operation of withBodies()) {
      await assertAnswer(app, operation, 400, '{')
      await assertAnswer(app, operation, 400, '[]')
    }
  })

  test('404 to an unknown model', async () => {
    for (const operation of withBodies().filter(({ operationId }) => operationId !== 'checkLogprobs'))
      await assertAnswer(app, operation, 404, { ...exampleOf(operation), model: 'none' })
    await assertAnswer(app, { ...api.operation('getModel'), path: '/v1/models/none' }, 404, {})
    await assertAnswer(app, { ...api.operation('tokenizerInfo'), path: '/tokenizer_info?model=none' }, 404, {})
  })

  test('415 to another media type', async () => {
    for (const operation of withBodies()) await assertAnswer(app, operation, 415, 'x', { 'content-type': 'text/plain' })
  })

  for (const [id, body] of [
    ['scoreLogprob', { x: 'a', y: '' }],
    ['scoreLogprob', { x: 'The ca', y: 't', boundary: 'strict' }],
    ['scoreLoss', { x: 'a', y: '' }],
    ['scoreChatCompletions', { messages: [{ role: 'user', content: 5 }], max_tokens: 1 }],
    ['rerank', { query: 'a', texts: [5] }]
  ] as const)
    test(`the error of ${id} to ${JSON.stringify(body)}`, async () => {
      const response = await send(app, api.operation(id), body)
      assert.ok([400, 422].includes(response.status))
      await api.assertDescribed(api.operation(id), response)
    })

  test('504 of what takes longer than its deadline', async () => {
    const body = { x: 'The cat sat on the mat. '.repeat(40), y: Array.from({ length: 200 }, (_, i) => ` word ${i}`) }
    await assertAnswer(app, api.operation('scoreLogprob'), 504, body, { 'x-request-timeout-ms': '5' })
  })

  test('401 without a key', async () => {
    const locked = await startApp({ keys: ['a-key-of-sixteen-and-more'] })
    for (const operation of limited()) await assertAnswer(locked, operation, 401, operation.method === 'GET' ? {} : exampleOf(operation))
    await locked.close()
  })

  test('413 to a body above the limit', async () => {
    const small = await startApp({ env: { LOGPR_MAX_BODY_BYTES: '1024' } })
    for (const operation of withBodies()) await assertAnswer(small, operation, 413, ' '.repeat(2000))
    await small.close()
  })

  test('429 above a rate limit', async () => {
    const busy = await startApp({ env: { LOGPR_REQUESTS_PER_MINUTE: '1' } })
    await busy.get('/v1/models')
    for (const operation of limited()) await assertAnswer(busy, operation, 429, operation.method === 'GET' ? {} : exampleOf(operation))
    await busy.close()
  })

  test('503 of the probes while the models load', async () => {
    const { app: loading } = await loadingApp()
    for (const id of ['started', 'ready', 'health']) {
      const { path } = api.operation(id)
      const answer = await loading.inject(path)
      assert.equal(answer.statusCode, 503)
      await api.assertDescribed(api.operation(id), responseOf(answer))
    }
    await loading.close()
  })
})

describe('an error of the model, whatever its code', () => {
  const isOfModel = (code: ErrorCode): boolean => ERROR_KINDS[code].status >= 422 && ERROR_KINDS[code].status !== 431 && code !== 'client_closed_request'
  const needsModel = ({ operationId, tags }: DescribedOperation): boolean =>
    !tags.includes('Operations') && !['checkLogprobs', 'listModels'].includes(operationId)
  /** A model that scores can fail with each of these; what is wrong with a text depends on the operation. */
  const isOfEngine = (code: ErrorCode): boolean => ERROR_KINDS[code].status >= 429

  for (const error of (Object.keys(ERROR_KINDS) as ErrorCode[]).filter(isOfModel))
    test(`is as described: ${error}`, async () => {
      const { app: failing } = await loadingApp({ error })
      for (const operation of api.operations.filter(needsModel)) {
        const isListed = Object.keys(operation.responses).some((status) => api.codes(operation, Number(status)).includes(error))
        assert.ok(isListed || !isOfEngine(error) || !operation.tags.includes('Scoring'), `${error} is not listed for ${operation.operationId}`)
        if (!isListed) continue
        const url = operation.path.replace('logpr-tiny-en', 'small')
        for (const payload of operation.method === 'GET' ? [undefined] : operation.examples) {
          const answer = await failing.inject({ method: operation.method, url, ...(payload === undefined ? {} : { payload }) })
          assert.equal(await api.assertDescribed(operation, responseOf(answer)), error)
        }
      }
      await failing.close()
    })
})
