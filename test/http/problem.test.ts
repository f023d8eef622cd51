import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ErrorCode, type ErrorDetails, ServiceError } from '../../src/errors.ts'
import { problemHeaders, problemOf } from '../../src/http/problem.ts'

describe('problemOf', () => {
  it('is an RFC 9457 body and an OpenAI error at once', () => {
    assert.deepEqual(problemOf(new ServiceError('token_out_of_range', 'x holds token id 9', { param: 'x' }), 'r-1'), {
      type: 'urn:logpr:error:token_out_of_range',
      title: 'A token id is outside the vocabulary',
      status: 400,
      detail: 'x holds token id 9',
      code: 'token_out_of_range',
      request_id: 'r-1',
      error: { message: 'x holds token id 9', type: 'invalid_request_error', param: 'x', code: 'token_out_of_range' }
    })
  })

  it('has a null param when no field is at fault', () => assert.equal(problemOf(new ServiceError('engine_unavailable', 'bye'), 'r').error.param, null))

  it('shows nothing of the cause', () => {
    const problem = problemOf(new ServiceError('internal_error', 'failed', { cause: new Error('secret') }), 'r')
    assert.doesNotMatch(JSON.stringify(problem), /secret/)
  })
})

describe('problemHeaders', () => {
  const TYPE = { 'content-type': 'application/problem+json; charset=utf-8' }
  const CASES: readonly [ErrorCode, ErrorDetails, Record<string, string>][] = [
    ['invalid_request', {}, TYPE],
    ['queue_full', { retryAfterSeconds: 7 }, { ...TYPE, 'retry-after': '7' }],
    ['too_many_requests', {}, { ...TYPE, 'retry-after': '1' }],
    ['starting', { retryAfterSeconds: 2 }, { ...TYPE, 'retry-after': '2' }],
    ['deadline_exceeded', {}, TYPE],
    ['engine_crashed', {}, { ...TYPE, 'x-should-retry': 'false' }],
    ['internal_error', {}, TYPE]
  ]
  for (const [code, details, headers] of CASES) {
    it(`sends ${Object.keys(headers).join(' and ')} with ${code}`, () => assert.deepEqual(problemHeaders(new ServiceError(code, '', details)), headers))
  }
})
