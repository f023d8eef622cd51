import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { loadConfig } from '../../src/config/load-config.ts'
import { ScoringRequests } from '../../src/http/scoring-requests.ts'
import type { ScoringModel } from '../../src/http/service.ts'

const SMALL = { model: { id: 'small' } } as ScoringModel

function requests(): ScoringRequests {
  const { config } = loadConfig([], { LOGPR_MAX_REQUESTS: '2' })
  return new ScoringRequests({ config, modelIds: ['small'], scoring: () => SMALL })
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

  it('gives the log lines of a request the id of its model', () => {
    const log = { child: (fields: object) => ({ fields }) }
    const request = { body: {}, log } as unknown as FastifyRequest<{ Body: { readonly model?: string } }>
    assert.equal(requests().model(request), SMALL)
    assert.deepEqual((request.log as unknown as { fields: object }).fields, { model: 'small' })
  })
})
