import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EncodingContext } from '../../src/encoding/encoding-context.ts'
import { LogprobEvaluator } from '../../src/evaluation/logprob-evaluator.ts'
import type { ScoredDocuments } from '../../src/rerank/evaluate.ts'
import type { YesNoRequest } from '../../src/rerank/request.ts'
import { scoreYesNo } from '../../src/rerank/yes-no.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { contextOf } from '../support/logprob-items.ts'
import { rerankOf } from '../support/rerank-requests.ts'

const LIMITS = { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1000 }
const TEMPLATE: YesNoRequest['template'] = {
  name: 'own',
  pieces: ['<s>', 'a{query}', '{document}b', '</s>'],
  instruction: '',
  labels: { yes: 'c', no: ' ' },
  hasPrefixToken: false,
  controlTokens: ['<s>']
}
const { field, limits } = rerankOf()

function score(request: Partial<YesNoRequest>, engine = new FakeEngine(), context: Partial<EncodingContext> = {}): Promise<ScoredDocuments> {
  const evaluator = new LogprobEvaluator(contextOf(context), new Scheduler(engine, LIMITS))
  const whole: YesNoRequest = { scoring: 'yes_no', query: ' a', documents: ['c'], field, limits, template: TEMPLATE, instruction: '', ...request }
  return scoreYesNo(whole, evaluator, { signal: new AbortController().signal })
}

describe('scoreYesNo', () => {
  it('tokenizes each piece by itself, and scores both labels of a document in one pass', async () => {
    const engine = new FakeEngine()
    const { documents, usage } = await score({}, engine)
    // Without pieces, "cb" and "b</s>" would be other tokens only by their neighbours: a|b|c merge in the fake.
    assert.deepEqual(engine.batches, [
      { sequences: [{ ids: Int32Array.of(0, 3, 8, 5, 4, 1, 5), firstScored: 6, lastTokenCandidates: Int32Array.of(2) }], topCount: null }
    ])
    // The fake gives the first row of target t -(t + 1).
    assert.deepEqual(
      documents.map(({ labels, logProb, normalizedLogProb, relevanceScore }) => [labels?.yes, labels?.no, logProb, normalizedLogProb, relevanceScore]),
      [[-6, -3, -6, -3, 1 / (1 + Math.exp(3))]]
    )
    assert.deepEqual(usage, { prompt_tokens: 6, completion_tokens: 1, total_tokens: 7, computed_tokens: 6, cached_tokens: 0 })
  })

  it('leaves a control token that a query or a document spells ordinary text', async () => {
    const engine = new FakeEngine()
    await score({ query: '<s>', documents: ['<s>'] }, engine)
    assert.deepEqual([...(engine.batches[0]?.sequences[0]?.ids ?? [])], [0, 3, 11, 12, 13, 11, 12, 13, 4, 1, 5])
  })

  it('puts the prefix token first if the template has one', async () => {
    const engine = new FakeEngine()
    await score({ template: { ...TEMPLATE, pieces: ['{query}', '{document}'], hasPrefixToken: true, controlTokens: [] } }, engine)
    assert.deepEqual([...(engine.batches[0]?.sequences[0]?.ids ?? [])], [0, 8, 5, 5])
  })

  it('scores identical documents once', async () => {
    const engine = new FakeEngine()
    const { documents } = await score({ documents: ['c', 'a', 'c'] }, engine)
    assert.equal(engine.batches.flatMap(({ sequences }) => sequences).length, 2)
    assert.deepEqual(
      documents.map(({ index, text }) => [index, text]),
      [
        [0, 'c'],
        [1, 'a'],
        [2, 'c']
      ]
    )
  })

  it('warns when the model would answer something else', async () => {
    const { documents } = await score({})
    assert.deepEqual(
      documents[0]?.warnings.map(({ code }) => code).filter((code) => code === 'labels_improbable'),
      ['labels_improbable']
    )
  })

  for (const { name, request, code, param } of [
    {
      name: 'a model without a token of the template',
      request: { template: { ...TEMPLATE, controlTokens: [' a a'] } },
      code: 'invalid_request',
      param: 'template'
    },
    { name: 'a document that does not fit', request: { documents: ['c', 'c'.repeat(20)] }, code: 'context_length_exceeded', param: 'documents/1' },
    {
      name: 'a document over its limit',
      request: { documents: ['c', 'c c'], limits: { ...limits, max_tokens_per_doc: 1 } },
      code: 'invalid_request',
      param: 'documents/1'
    },
    { name: 'a query over its limit', request: { query: 'c c', limits: { ...limits, max_tokens_per_query: 1 } }, code: 'invalid_request', param: 'query' },
    { name: 'a prompt over its limit', request: { limits: { ...limits, truncate_prompt_tokens: 5 } }, code: 'invalid_request', param: 'documents/0' }
  ] as const)
    it(`refuses ${name}, and scores nothing`, async () => {
      const engine = new FakeEngine()
      await assert.rejects(score(request, engine), { code, param })
      assert.equal(engine.batches.length, 0)
    })
})
