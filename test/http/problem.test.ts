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
    ['deadline_exceeded', {}, TYPE],
    ['engine_crashed', {}, { ...TYPE, 'x-should-retry': 'false' }],
    ['internal_error', {}, TYPE]
  ]
  for (const [code, details, headers] of CASES) {
    it(`sends ${Object.keys(headers).join(' and ')} with ${code}`, () => assert.deepEqual(problemHeaders(new ServiceError(code, '', details)), headers))
  }

  it('asks clients of temporary errors to wait, for about the time given, in whole seconds from 1 to 60 and in milliseconds', () => {
    for (const [code, seconds] of [
      ['queue_full', 30],
      ['rate_limit_exceeded', 30],
      ['starting', 1],
      ['too_many_requests', 1000]
    ] as const) {
      const waits = Array.from({ length: 200 }, () => problemHeaders(new ServiceError(code, '', { retryAfterSeconds: seconds })))
      for (const headers of waits) {
        const [wholeSeconds, milliseconds] = [Number(headers['retry-after']), Number(headers['retry-after-ms'])]
        assert.ok(Number.isInteger(wholeSeconds) && wholeSeconds >= 1 && wholeSeconds <= 60, `${wholeSeconds} s`)
        assert.ok(milliseconds >= Math.min(60_000, 800 * seconds) && milliseconds <= Math.min(60_000, 1200 * seconds), `${milliseconds} ms for ${seconds} s`)
      }
      if (seconds === 30) assert.ok(new Set(waits.map((headers) => headers['retry-after'])).size > 3, 'the waits differ')
    }
  })
})
