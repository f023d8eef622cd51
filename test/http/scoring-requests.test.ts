import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { loadConfig } from '../../src/config/load-config.ts'
import { ServiceError } from '../../src/errors.ts'
import { ScoringRequests } from '../../src/http/scoring-requests.ts'
import type { Service } from '../../src/http/service.ts'

const LOADED = { model: { id: 'small' } }

function requests(scoring: () => unknown = () => LOADED): ScoringRequests {
  const { config } = loadConfig([], { LOGPR_MAX_REQUESTS: '2' })
  return new ScoringRequests({ config, scoring } as unknown as Service)
}

/** A request in progress: what the limit and the deadline look at. */
function begun(open: ScoringRequests): { readonly signal: AbortSignal; readonly end: () => void } {
  const raw = Object.assign(new EventEmitter(), { destroyed: false, writableEnded: true })
  const signal = open.begin({ headers: {} } as FastifyRequest, { raw } as unknown as FastifyReply)
  return { signal, end: () => raw.emit('close') }
}

describe('ScoringRequests', () => {
  it('takes as many requests as are allowed, and another when one has ended', () => {
    const open = requests()
    const [first, second] = [begun(open), begun(open)]
    assert.throws(() => begun(open), { code: 'too_many_requests' })
    first.end()
    const third = begun(open)
    assert.throws(() => begun(open), { code: 'too_many_requests' })
    for (const { end } of [second, third]) end()
  })

  it('gives the model to those who name it or none', () => {
    assert.equal(requests().model('small'), LOADED)
    assert.equal(requests().model(undefined), LOADED)
    assert.throws(() => requests().model('large'), { code: 'model_not_found', param: 'model' })
  })

  it('says that the model is being loaded before it looks at its name', () => {
    const starting = requests(() => {
      throw new ServiceError('starting', 'the model is being loaded')
    })
    assert.throws(() => starting.model('large'), { code: 'starting' })
  })
})
