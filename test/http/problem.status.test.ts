import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ErrorCode } from '../../src/errors.ts'
import { ERROR_KINDS } from '../../src/http/problem.ts'

describe('ERROR_KINDS', () => {
  const STATUSES: Readonly<Record<ErrorCode, number>> = {
    invalid_json: 400,
    invalid_utf8: 400,
    body_too_large: 413,
    unsupported_media_type: 415,
    expectation_failed: 417,
    headers_too_large: 431,
    request_timeout: 408,
    unauthorized: 401,
    not_found: 404,
    method_not_allowed: 405,
    not_acceptable: 406,
    invalid_request: 400,
    model_not_found: 404,
    invalid_text: 400,
    token_out_of_range: 400,
    context_length_exceeded: 400,
    empty_completion: 422,
    no_prefix_token: 422,
    no_end_token: 422,
    boundary_merged: 422,
    boundary_not_exact: 422,
    chat_template_failed: 422,
    too_many_requests: 429,
    queue_full: 429,
    rate_limit_exceeded: 429,
    starting: 503,
    engine_unavailable: 503,
    engine_crashed: 500,
    poison_request: 500,
    deadline_exceeded: 504,
    client_closed_request: 499,
    non_finite_logits: 500,
    scores_mismatched: 500,
    hub_unreachable: 500,
    hub_refused: 500,
    hub_not_found: 500,
    download_corrupt: 500,
    cache_failed: 500,
    not_in_cache: 500,
    model_invalid: 500,
    model_unsupported: 500,
    model_too_large: 500,
    configuration_invalid: 500,
    internal_error: 500
  }
  for (const [code, status] of Object.entries(STATUSES)) {
    it(`answers ${code} with ${status}`, () => assert.equal(ERROR_KINDS[code as ErrorCode].status, status))
  }

  it('knows no other codes', () => assert.deepEqual(Object.keys(ERROR_KINDS).sort(), Object.keys(STATUSES).sort()))

  it("gives each status OpenAI's class for it", () => {
    const classOf = (status: number): string =>
      status === 401 ? 'authentication_error' : status === 429 ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'server_error'
    const wrong = Object.entries(ERROR_KINDS).filter(([, { status, type }]) => type !== classOf(status))
    assert.deepEqual(wrong, [])
  })
})
