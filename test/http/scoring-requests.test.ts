import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { loadConfig } from '../../src/config/load-config.ts'
import { ServiceError } from '../../src/errors.ts'
import { type RequestTerms, ScoringRequests } from '../../src/http/scoring-requests.ts'
import type { ScoringModel } from '../../src/http/served-models.ts'
import { present } from '../support/present.ts'

const SMALL = { model: { id: 'small' } } as ScoringModel

interface Settings {
  readonly maxRequests?: string
  readonly spendTokens?: (client: object, tokens: number) => void
}

function requests({ maxRequests = '2', spendTokens = () => {} }: Settings = {}): ScoringRequests {
  const { config } = loadConfig([], { LOGPR_MAX_REQUESTS: maxRequests })
  return new ScoringRequests({ config, models: { ids: ['small'], scoring: () => SMALL, backlogSeconds: () => 7 }, rateLimits: { spendTokens } })
}

/** A request in progress: what the limits look at. */
function begun(
  open: ScoringRequests,
  { bodyBytes = 0, ...headers }: { readonly bodyBytes?: number; readonly 'x-priority'?: string } = {},
  client = 'one',
  assertRoom: ScoringModel['assertRoom'] = () => () => {}
): { readonly terms: RequestTerms; readonly end: () => void } {
  const raw = Object.assign(new EventEmitter(), { destroyed: false })
  const deadline = { signal: new AbortController().signal, atMs: 1000 }
  const terms = open.begin(
    { headers, bodyBytes, client: { client }, deadline } as unknown as FastifyRequest,
    { raw } as unknown as FastifyReply,
    { assertRoom },
    3
  )
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

  it('asks the refused to wait as long as the queued work takes', () => {
    const open = requests({ maxRequests: '1' })
    begun(open)
    assert.throws(() => begun(open), { code: 'too_many_requests', retryAfterSeconds: 7 })
  })

  it('lets one client have three quarters of the requests, so that another finds room', () => {
    const open = requests({ maxRequests: '4' })
    const [first] = [begun(open), begun(open), begun(open)]
    assert.throws(() => begun(open), { code: 'too_many_requests', message: /3 requests of this client/ })
    const other = begun(open, {}, 'two')
    assert.throws(() => begun(open, {}, 'three'), { code: 'too_many_requests', message: /4 requests are in progress/ })
    for (const { end } of [present(first), other]) end()
    begun(open)
  })

  it('refuses a body with far more tokens than there is room for, and counts it no longer', () => {
    const open = requests({ maxRequests: '1' })
    const asked: number[] = []
    const isFull: ScoringModel['assertRoom'] = (tokens, items) => {
      asked.push(tokens, items)
      throw new ServiceError('queue_full', 'full')
    }
    assert.throws(() => begun(open, { bodyBytes: 8000 }, 'one', isFull), { code: 'queue_full' })
    assert.deepEqual(asked, [1000, 3])
    begun(open)
  })

  it('refuses before the body is read, by its announced size, where the request can name no other model', async () => {
    const asked: number[] = []
    const scoring = (): ScoringModel => ({
      ...SMALL,
      assertRoom: (tokens) => {
        asked.push(tokens)
        throw new ServiceError('queue_full', 'full')
      }
    })
    const arrives = (ids: readonly string[], headers: object): Promise<void> => {
      const { config } = loadConfig([], {})
      const settings = { config, models: { ids, scoring, backlogSeconds: () => 7 }, rateLimits: { spendTokens: () => {} } }
      const deadline = { signal: new AbortController().signal, atMs: 1000 }
      return new ScoringRequests(settings).refuseBeforeBody({ headers, client: { client: 'one' }, deadline } as unknown as FastifyRequest)
    }
    await assert.rejects(arrives(['small'], { 'content-length': '8000' }), { code: 'queue_full' })
    await arrives(['small'], { 'transfer-encoding': 'chunked' })
    await arrives(['small', 'large'], { 'content-length': '8000' })
    assert.deepEqual(asked, [1000])
  })

  it('charges the client for the tokens that the scheduler admits', () => {
    const spent: unknown[] = []
    begun(requests({ spendTokens: (client, tokens) => spent.push(client, tokens) })).terms.onAdmitted(50)
    assert.deepEqual(spent, [{ client: 'one' }, 50])
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
