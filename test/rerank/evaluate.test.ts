import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EncodingContext } from '../../src/encoding/encoding-context.ts'
import { ServiceError } from '../../src/errors.ts'
import { LogprobEvaluator } from '../../src/evaluation/logprob-evaluator.ts'
import { type ScoredDocuments, scoreDocuments } from '../../src/rerank/evaluate.ts'
import type { RerankRequest } from '../../src/rerank/request.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { contextOf } from '../support/logprob-items.ts'
import { present } from '../support/present.ts'
import { rerankOf } from '../support/rerank-requests.ts'

const LIMITS = { maxBatchTokens: 100, longTextTokens: 50, maxQueueTokens: 1000 }

function score(request: Partial<RerankRequest>, engine = new FakeEngine(), context: Partial<EncodingContext> = {}): Promise<ScoredDocuments> {
  const evaluator = new LogprobEvaluator(contextOf(context), new Scheduler(engine, LIMITS))
  return scoreDocuments(rerankOf(request), evaluator, { signal: new AbortController().signal })
}

const sequencesOf = ({ batches }: FakeEngine): number[][] => batches.flatMap(({ sequences }) => sequences.map(({ ids }) => [...ids]))

describe('scoreDocuments', () => {
  it('returns the score of every document, in the order of the request', async () => {
    const { documents } = await score({ documents: [' a', 'c', ' a'] })
    // The fake gives the first row of target t -(t + 1).
    assert.deepEqual(
      documents.map(({ index, text, logProb }) => [index, text, logProb]),
      [
        [0, ' a', -9],
        [1, 'c', -6],
        [2, ' a', -9]
      ]
    )
  })

  it('computes no log-probabilities of x', async () => {
    const engine = new FakeEngine()
    await score({ query: 'a a a', documents: [' a'] }, engine)
    assert.deepEqual(engine.batches[0]?.sequences, [{ ids: Int32Array.of(0, 3, 8, 8, 8), firstScored: 4 }])
  })

  it('computes identical documents once, and counts them as sent', async () => {
    const engine = new FakeEngine()
    const { usage } = await score({ documents: [' a', ' a', 'c a', ' a'] }, engine)
    assert.deepEqual(sequencesOf(engine), [
      [0, 3, 8],
      [0, 3, 5, 8]
    ])
    assert.deepEqual(usage, { prompt_tokens: 8, completion_tokens: 5, total_tokens: 13, computed_tokens: 5, cached_tokens: 0 })
  })

  it('computes the query once for all one-token documents', async () => {
    const engine = new FakeEngine()
    const { documents, usage } = await score({ query: 'a a a', documents: [' a', 'c', ' ', '<'] }, engine)
    assert.deepEqual(engine.batches, [
      { sequences: [{ ids: Int32Array.of(0, 3, 8, 8, 8), firstScored: 4, lastTokenCandidates: Int32Array.of(5, 2, 11) }], topCount: null }
    ])
    assert.deepEqual(
      documents.map(({ logProb }) => logProb),
      [-9, -6, -3, -12]
    )
    assert.deepEqual([usage.prompt_tokens, usage.computed_tokens], [16, 4])
  })

  it('compares with the same tokens after the prefix token for pmi', async () => {
    const engine = new FakeEngine()
    const { documents, usage } = await score({ query: 'ab', documents: ['c a', ' a'], normalization: { kind: 'pmi' } }, engine)
    assert.deepEqual(
      sequencesOf(engine).sort(),
      [
        [0, 5, 8],
        [0, 6, 5, 8],
        [0, 6, 8],
        [0, 8]
      ].sort()
    )
    for (const { logProb, baselineLogProb, normalizedLogProb } of documents) assert.equal(normalizedLogProb, logProb - present(baselineLogProb))
    assert.equal(usage.computed_tokens, 3 + 2 + 2 + 1)
  })

  it('compares with the same tokens after the domain prompt for dc_pmi', async () => {
    const engine = new FakeEngine()
    await score({ documents: ['c'], normalization: { kind: 'dc_pmi', domainPrompt: 'b a' } }, engine)
    assert.deepEqual(sequencesOf(engine), [
      [0, 3, 5],
      [0, 4, 8, 5]
    ])
  })

  it('runs the baseline of the query once for all documents', async () => {
    const engine = new FakeEngine()
    await score({ direction: 'query_given_document', documents: ['b', 'c', 'b b'], query: ' a', normalization: { kind: 'pmi' } }, engine)
    assert.equal(sequencesOf(engine).length, 3 + 1)
  })

  it('passes on the warning about a token across the end of x', async () => {
    const { documents } = await score({ query: 'a', documents: ['c', 'b'] })
    assert.deepEqual(
      documents.map(({ warnings }) => warnings.some(({ code }) => code === 'boundary_merged')),
      [false, true]
    )
  })

  it('omits warnings about terms that it does not report', async () => {
    const { documents } = await score({}, new FakeEngine(), { prefixTokenId: null })
    assert.ok(documents[0]?.warnings.every(({ code }) => !code.includes('first_token')))
  })

  it('returns failed checks as warnings, those of the baseline too', async () => {
    // The fake's targets are the best of their rows by another number than their own.
    const { documents } = await score({ normalization: { kind: 'pmi' } })
    const found = present(documents[0]?.warnings).filter(({ code }) => code === 'greedy_consistent')
    assert.deepEqual(
      found.map(({ message }) => message.startsWith('the baseline: ')),
      [false, true]
    )
  })
})

describe('scoreDocuments rejects', () => {
  const refused = async (request: Partial<RerankRequest>, context: Partial<EncodingContext> = {}): Promise<ServiceError> => {
    const engine = new FakeEngine()
    const error = await score(request, engine, context).then(
      () => null,
      (thrown: unknown) => thrown
    )
    assert.ok(error instanceof ServiceError)
    assert.equal(engine.batches.length, 0, 'something was scored')
    return error
  }
  const LONG = ' a'.repeat(20)

  it('the whole request for one document that is too long, before it scores any', async () => {
    const { code, message, param } = await refused({ documents: [' a', LONG, ' a'], field: 'texts' })
    assert.deepEqual([code, param], ['context_length_exceeded', 'texts/1'])
    assert.match(message, /texts\/1.*\b16\b/)
  })

  it('truncation on the right, and names the alternative', async () => {
    const { code, message } = await refused({ documents: [LONG], truncation: 'right' })
    assert.equal(code, 'context_length_exceeded')
    assert.match(message, /truncation_direction left/)
  })

  it('pmi without a prefix token', async () => {
    const { code, message } = await refused({ normalization: { kind: 'pmi' } }, { prefixTokenId: null })
    assert.equal(code, 'no_prefix_token')
    assert.match(message, /dc_pmi/)
  })

  it('a document over a limit of the request at which other services truncate', async () => {
    const none = rerankOf().limits
    const perDocument = await refused({ documents: [' a', ' a a a'], limits: { ...none, max_tokens_per_doc: 2 } })
    assert.deepEqual([perDocument.code, perDocument.param], ['invalid_request', 'documents/1'])
    assert.match(perDocument.message, /documents\/1 has 3 tokens and max_tokens_per_doc is 2/)
    const perQuery = await refused({ query: ' a a a', limits: { ...none, max_tokens_per_query: 2 } })
    assert.match(perQuery.message, /query has 3 tokens and max_tokens_per_query is 2/)
    const together = await refused({ limits: { ...none, truncate_prompt_tokens: 2 } })
    assert.match(together.message, /has 3 tokens and truncate_prompt_tokens is 2/)
  })

  it('the request when one document fails in the engine, naming it', async () => {
    const engine = new FakeEngine()
    engine.failureFor = ({ ids }) => (ids.includes(5) ? new ServiceError('engine_crashed', 'the fake crashes') : null)
    await assert.rejects(score({ documents: [' a', 'c a'] }, engine), { code: 'engine_crashed', param: 'documents/1', message: /^documents\/1: / })
  })

  it('the request without naming a document when the deadline passed', async () => {
    const engine = new FakeEngine()
    engine.failureFor = () => new ServiceError('deadline_exceeded', 'the fake is late')
    await assert.rejects(score({ documents: [' a', 'c'] }, engine), { code: 'deadline_exceeded', param: undefined })
  })
})

describe('scoreDocuments with truncation on the left', () => {
  it('drops the first tokens of x only on request, with a warning that says how many', async () => {
    const { documents } = await score({ query: ' a'.repeat(18), documents: ['c'], truncation: 'left' })
    assert.equal(documents[0]?.counts.x.tokens, 14)
    assert.match(present(documents[0]?.warnings.map(({ message }) => message).join()), /first 4 tokens/)
  })

  it('accepts a text within the limits of the request', async () => {
    const limits = { max_tokens_per_doc: 1, max_tokens_per_query: 1, truncate_prompt_tokens: -1 }
    assert.equal((await score({ limits })).documents.length, 1)
  })
})
