/**
 * The rules of the API description agree with what the service accepts, on a request for each rule. Schemathesis
 * compares them on thousands (`npm run test:api`).
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type FastifyInstance, fastify } from 'fastify'
import { FIELD_RULES } from '../../../src/http/schemas/field-rules.ts'
import { type HttpApp, startApp } from '../../support/http-app.ts'

const X = 'The children ran down to the'
const LONE = [{ x: X, y: ' river' }]
const MESSAGES = [{ role: 'user', content: X }]

/** Bodies that a rule decides about, by operation. */
const BODIES: Readonly<Record<string, { readonly path: string; readonly valid: readonly object[]; readonly invalid: readonly object[] }>> = {
  scoreLogprob: {
    path: '/v1/logprob',
    valid: [
      { x: X, y: ' river' },
      { pairs: LONE },
      { x: X, y: [' river', [300]] },
      { x: X, y: [300, 301] },
      { x: X, y: 'a', top_logprobs: 0, detail: 'summary' },
      { x: [300], y: [301], boundary: 'tokens' },
      { pairs: [...LONE, ...LONE], boundary: 'tokens' },
      { x: X, y: ['a', 'b'], boundary: 'tokens' },
      { ids: [300, 301], from: 1, format: 'arrays', top_logprobs: 21 },
      { pairs: [{ ids: [300, 301] }, { ids: [300, 301] }], eos: 'score' }
    ],
    invalid: [
      {},
      { x: X },
      { y: 'a' },
      { x: X, messages: MESSAGES, y: 'a' },
      { x: X, y: 'a', pairs: LONE },
      { x: X, y: [] },
      { x: X, y: [300, 'a'] },
      { pairs: [{ x: X }] },
      { pairs: [{ x: X, y: [] }] },
      { x: X, y: 'a', top_logprobs: 1, detail: 'summary' },
      { x: X, y: [300], boundary: 'tokens' },
      { pairs: LONE, boundary: 'tokens' },
      { x: [300], y: ['a'], boundary: 'tokens' },
      { ids: [300, 301], y: 'a' },
      { x: X, y: 'a', from: 1 },
      { ids: [300, 301], top_logprobs: 21 },
      { ids: [300, 301], eos: 'score' }
    ]
  },
  scoreLoss: {
    path: '/v1/loss',
    valid: [
      { x: X, y: ' river' },
      { segments: [{ text: X, train: true }] },
      { segments: [{ text: X, train: true }], parse_special_tokens: true },
      { x: [300], y: [301], boundary: 'tokens' },
      { input_ids: [300, 301], labels: [-100, 301], attention_mask: [1, 1], prompt_loss_weight: 0.5 },
      { input_ids: [[300, 301]], labels: [[-100, 301]], detail: 'tokens', reported_loss: 1 },
      {
        examples: [
          { x: X, y: 'a' },
          { input_ids: [300, 301], labels: [-100, 301] }
        ],
        detail: 'summary',
        reported_loss: 1
      }
    ],
    invalid: [
      {},
      { input_ids: [300, 301] },
      { labels: [300, 301] },
      { input_ids: [300, 301], labels: [-100, 301], eos: 'score' },
      { input_ids: [300, 301], labels: [-100, 301], boundary: 'tokens' },
      { input_ids: [300, 301], labels: [-100, 301], detail: 'tokens' },
      { input_ids: [[300, 301]], labels: [-100, 301] },
      { input_ids: [300, 301], labels: [-100, 301], x: X, y: 'a' },
      { x: X, y: 'a', attention_mask: [1] },
      { x: X, y: 'a', detail: 'tokens' },
      { examples: [{ x: X, y: 'a' }], prompt_loss_weight: 0.5 },
      { examples: [{ x: X }] },
      { x: X },
      { x: X, y: 'a', segments: [{ text: X, train: true }] },
      { x: X, y: 'a', train_on: ['user'] },
      { segments: [{ text: X, train: true }], boundary: 'auto' },
      { messages: MESSAGES, parse_special_tokens: true },
      { x: [300], y: 'a', boundary: 'tokens' }
    ]
  },
  scoreCompletions: {
    path: '/v1/completions',
    valid: [
      { prompt: X, max_tokens: 1 },
      { prompt: [300, 301], echo: 1, max_tokens: 0 },
      { prompt: [[300], [301]], prompt_logprobs: 0 },
      { prompt: [X, X], echo: true, n: 1, suffix: '', logit_bias: {}, stream: false }
    ],
    invalid: [
      { prompt: X },
      { prompt: X, max_tokens: 0, echo: false },
      { prompt: X, max_tokens: 2, echo: true },
      { prompt: [], echo: true },
      { prompt: [[]], echo: true },
      { prompt: [300, X], echo: true },
      { prompt: X, echo: true, n: 2 },
      { prompt: X, echo: true, best_of: 2 },
      { prompt: X, echo: true, stream: true },
      { prompt: X, echo: true, suffix: 'a' },
      { prompt: X, echo: true, logit_bias: { 300: 1 } },
      { prompt: X, echo: true, truncate_prompt_tokens: 4 },
      { prompt: X, echo: true, prompt_embeds: 'a' }
    ]
  },
  tokenize: {
    path: '/tokenize',
    valid: [
      { prompt: X },
      { prompt: X, add_special_tokens: true, tools: [{}], chat_template: 'a' },
      { messages: MESSAGES, tools: [{}], continue_final_message: true }
    ],
    invalid: [
      {},
      { prompt: X, messages: MESSAGES },
      { messages: MESSAGES, add_special_tokens: true },
      { messages: MESSAGES, chat_template: 'a' },
      { messages: MESSAGES, chat_template_kwargs: { tokenize: true } }
    ]
  },
  choose: {
    path: '/v1/choose',
    valid: [
      { x: X, choices: [' a', ' b'], order: 'given', top_logprobs: 1 },
      { x: 'A: {candidate_1} B: {candidate_2}', candidates: ['a', 'b'], choices: [' A', ' B'], order: 'both' }
    ],
    invalid: [
      { x: X, choices: [' a', ' b'], order: 'both' },
      { x: X, choices: [' a', ' b'], detail: 'summary', top_logprobs: 1 },
      { questions: [{ x: X, choices: [' a', ' b'] }], order: 'given' }
    ]
  },
  rerank: {
    path: '/v1/rerank',
    valid: [
      { query: X, documents: [' river'] },
      { query: X, texts: ['a'], rank_fields: ['title'] },
      { query: X, documents: ['a'], scoring: 'yes_no', template: 'bge-reranker-v2-gemma', instruction: 'a' },
      { query: X, documents: ['a'], domain_prompt: 'a' },
      { query: X, documents: ['a'], alpha: 1, normalization: 'alpha' }
    ],
    invalid: [
      { query: X },
      { query: X, documents: ['a'], texts: ['a'] },
      { query: X, documents: [] },
      { query: X, texts: [] },
      { query: '', documents: ['a'] },
      { query: X, documents: [{ text: '' }] },
      { query: X, documents: ['a'], rank_fields: ['title'] },
      { query: X, documents: ['a'], instruction: 'a' },
      { query: X, texts: ['a'], template: 'bge-reranker-v2-gemma' },
      { query: X, documents: ['a'], scoring: 'yes_no', normalization: 'pmi' },
      { query: X, texts: ['a'], scoring: 'yes_no', truncate: true, truncation_direction: 'left' },
      { query: X, documents: ['a'], domain_prompt: 'a', alpha: 1 },
      { query: X, documents: ['a'], domain_prompt: '' },
      { query: X, documents: ['a'], normalization: 'dc_pmi' },
      { query: X, documents: ['a'], alpha: 1, normalization: 'pmi' }
    ]
  }
}

let app: HttpApp
let described: FastifyInstance
before(async () => {
  app = await startApp()
  described = fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, strict: false } } })
  for (const [name, rules] of Object.entries(FIELD_RULES)) described.post(`/${name}`, { schema: { body: { type: 'object', allOf: rules } } }, async () => ({}))
})
after(() => app.close())

describe('the rules between fields', () => {
  for (const [name, { path, valid, invalid }] of Object.entries(BODIES)) {
    for (const [bodies, isValid] of [
      [valid, true],
      [invalid, false]
    ] as const)
      for (const body of bodies)
        test(`${name} ${isValid ? 'allow' : 'exclude'} ${JSON.stringify(body)}, as the service does`, async () => {
          const byRules = await described.inject({ method: 'POST', url: `/${name}`, payload: body })
          assert.equal(byRules.statusCode, isValid ? 200 : 400)
          const { status } = await app.post(path, body)
          assert.ok(isValid ? status === 200 : status === 400 || status === 422, String(status))
        })
  }

  test('exclude a field name that could change objects', async () => {
    const body = '{"tokens":[300],"__proto__":{}}'
    const headers = { 'content-type': 'application/json' }
    const { body: kept } = await described.inject({ method: 'POST', url: '/detokenize', payload: body, headers })
    assert.match(kept, /FST_ERR|Bad Request/)
    assert.equal((await app.post('/detokenize', body)).status, 400)
  })
})
