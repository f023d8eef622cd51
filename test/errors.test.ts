import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ServiceError, serviceErrorFrom } from '../src/errors.ts'

describe('serviceErrorFrom', () => {
  it('returns a ServiceError unchanged', () => {
    const error = new ServiceError('queue_full', 'full', { param: 'x', retryAfterSeconds: 3 })
    assert.equal(serviceErrorFrom(error), error)
    assert.deepEqual([error.code, error.param, error.retryAfterSeconds], ['queue_full', 'x', 3])
  })

  for (const thrown of [new TypeError('a secret'), 'a secret', undefined]) {
    it(`hides the message of ${String(thrown)} and keeps it as the cause`, () => {
      const error = serviceErrorFrom(thrown)
      assert.equal(error.code, 'internal_error')
      assert.doesNotMatch(error.message, /secret/)
      assert.equal(error.cause, thrown)
    })
  }
})
