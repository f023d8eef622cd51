import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hashOfKey } from '../../src/config/api-keys.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import type { RequestTerms } from '../../src/http/request-terms.ts'
import { ScoringRequests } from '../../src/http/scoring-requests.ts'
import type { ScoringModel } from '../../src/http/served-models.ts'

const SMALL = { model: { id: 'small' } } as ScoringModel

function requests(apiKeyHashes: readonly Buffer[] = []): ScoringRequests {
  const { config } = loadConfig([], { LOGPR_MAX_REQUESTS: '2' })
  return new ScoringRequests({ apiKeyHashes, config, models: { ids: ['small'], scoring: () => SMALL } })
}

/** A request in progress: what the limit and the deadline look at. */
function begun(open: ScoringRequests, headers: object = {}, remoteAddress = '192.0.2.1'): { readonly terms: RequestTerms; readonly end: () => void } {
  const raw = Object.assign(new EventEmitter(), { destroyed: false, writableEnded: true })
  const terms = open.begin({ headers, socket: { remoteAddress } } as FastifyRequest, { raw } as unknown as FastifyReply)
  return { terms, end: () => raw.emit('close') }
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

  it('tells clients apart by their address, whatever their headers say', () => {
    const clientOf = (headers: object, address: string): string => {
      const { terms, end } = begun(requests(), headers, address)
      end()
      return terms.client
    }
    const own = clientOf({}, '192.0.2.1')
    assert.notEqual(clientOf({}, '192.0.2.2'), own)
    assert.equal(clientOf({ authorization: 'Bearer anything', 'x-forwarded-for': '192.0.2.2', forwarded: 'for=192.0.2.2' }, '192.0.2.1'), own)
  })

  it('tells clients apart by their key where keys are asked for, without keeping it', () => {
    const clientOf = (key: string, address: string): string => {
      const { terms, end } = begun(requests([hashOfKey('key-of-somebody-1')]), { authorization: `Bearer ${key}` }, address)
      end()
      return terms.client
    }
    const own = clientOf('key-of-somebody-1', '192.0.2.1')
    assert.equal(clientOf('key-of-somebody-1', '192.0.2.2'), own)
    assert.notEqual(clientOf('key-of-somebody-2', '192.0.2.1'), own)
    assert.ok(!own.includes('somebody'))
  })

  it('takes the priority of x-priority, interactive without it, and refuses any other', () => {
    for (const [headers, priority] of [
      [{}, 'interactive'],
      [{ 'x-priority': 'interactive' }, 'interactive'],
      [{ 'x-priority': 'batch' }, 'batch']
    ] as const) {
      const { terms, end } = begun(requests(), headers)
      end()
      assert.equal(terms.priority, priority)
    }
    for (const given of ['', 'high', 'BATCH', 'batch, interactive'])
      assert.throws(() => begun(requests(), { 'x-priority': given }), { code: 'invalid_request', message: /interactive or batch/ })
  })

  it('gives the log lines of a request the id of its model', () => {
    const log = { child: (fields: object) => ({ fields }) }
    const request = { body: {}, log } as unknown as FastifyRequest<{ Body: { readonly model?: string } }>
    assert.equal(requests().model(request), SMALL)
    assert.deepEqual((request.log as unknown as { fields: object }).fields, { model: 'small' })
  })
})
