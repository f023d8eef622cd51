import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FastifyRequest, fastify } from 'fastify'
import { HeldBytes, registerHeldBytes } from '../../src/http/held-bytes.ts'
import { partsOfList, sendJson } from '../../src/http/json-stream.ts'

const LIMITS = { MAX_BODY_BYTES: 100, MAX_HELD_BYTES: 250, MAX_HELD_BYTES_PER_CLIENT: 250 }
const LARGE = 100_000

type Arriving = Pick<FastifyRequest, 'headers' | 'raw'>

function requestWith(headers: Record<string, string>): Arriving {
  return { headers, raw: {} as FastifyRequest['raw'] }
}

const announcing = (sizeBytes: number): Arriving => requestWith({ 'content-length': String(sizeBytes) })

describe('HeldBytes', () => {
  it('takes bodies up to the limit of all, refuses the next before it is read, and takes it when one is given back', () => {
    const held = new HeldBytes(LIMITS)
    const requests = [announcing(100), announcing(100), announcing(50)] as const
    for (const request of requests) held.reserve(request, 'a')
    assert.throws(() => held.reserve(announcing(1), 'b'), { code: 'too_many_requests', retryAfterSeconds: 1 })
    held.release(requests[2])
    held.reserve(announcing(50), 'b')
    assert.equal(held.heldBytes, 250)
  })

  it('takes the bodies of one client only up to its part, and those of others still', () => {
    const held = new HeldBytes({ ...LIMITS, MAX_HELD_BYTES_PER_CLIENT: 120 })
    held.reserve(announcing(100), 'a')
    assert.throws(() => held.reserve(announcing(21), 'a'), { code: 'too_many_requests', message: /max-held-bytes-per-client/ })
    held.reserve(announcing(100), 'b')
    assert.deepEqual([held.heldBy('a'), held.heldBy('b')], [100, 100])
  })

  it('gives one client half of all by default, and always enough for the largest body', () => {
    const half = new HeldBytes({ ...LIMITS, MAX_HELD_BYTES_PER_CLIENT: 0 })
    half.reserve(announcing(100), 'a')
    half.reserve(announcing(25), 'a')
    assert.throws(() => half.reserve(announcing(1), 'a'), /exceed the limit of 125/)
    const small = new HeldBytes({ MAX_BODY_BYTES: 100, MAX_HELD_BYTES: 150, MAX_HELD_BYTES_PER_CLIENT: 0 })
    small.reserve(announcing(100), 'a')
  })

  it('counts a body of unknown length as the largest until it has arrived', () => {
    const held = new HeldBytes(LIMITS)
    const chunked = requestWith({ 'transfer-encoding': 'chunked' })
    held.reserve(chunked, 'a')
    assert.equal(held.heldBytes, 100)
    held.arrived(chunked, 7)
    assert.equal(held.heldBytes, 7)
    held.release(chunked)
    assert.equal(held.heldBytes, 0)
  })

  it('gives back once, whatever comes after', () => {
    const held = new HeldBytes(LIMITS)
    const request = announcing(60)
    held.reserve(request, 'a')
    held.release(request)
    held.release(request)
    held.arrived(request, 60)
    held.responding(request, LARGE)
    assert.deepEqual([held.heldBytes, held.heldBy('a')], [0, 0])
  })

  it('takes no room for requests without a body, nor for a body that is refused as too large', () => {
    const held = new HeldBytes(LIMITS)
    for (const request of [requestWith({}), announcing(0), announcing(101)]) held.reserve(request, 'a')
    assert.equal(held.heldBytes, 0)
  })

  it('adds a response to the body until it is read, and refuses it where another of that client is unread', () => {
    const limits = { MAX_BODY_BYTES: 100, MAX_HELD_BYTES: 10 * LARGE, MAX_HELD_BYTES_PER_CLIENT: LARGE + 100 }
    const held = new HeldBytes(limits)
    const [unread, next, other] = [announcing(60), announcing(40), announcing(1)]
    for (const request of [unread, next]) held.reserve(request, 'a')
    held.reserve(other, 'b')
    held.responding(unread, LARGE)
    assert.equal(held.heldBy('a'), LARGE + 100)
    assert.throws(() => held.responding(next, LARGE), { code: 'too_many_requests', message: /this response of 100000 bytes/ })
    held.responding(other, LARGE)
    held.release(unread)
    held.responding(next, LARGE)
    assert.equal(held.heldBy('a'), LARGE + 40)
  })

  it('sends a response above every limit to a client that has no other request', () => {
    const held = new HeldBytes(LIMITS)
    const request = announcing(60)
    held.reserve(request, 'a')
    held.responding(request, LARGE)
    assert.equal(held.heldBytes, LARGE + 60)
  })

  it('does not count responses that the socket takes at once', () => {
    const held = new HeldBytes(LIMITS)
    const request = announcing(60)
    held.reserve(request, 'a')
    held.responding(request, 65_535)
    assert.equal(held.heldBytes, 60)
  })
})

describe('registerHeldBytes', () => {
  it('counts a response of several writes too, until it has been read', async () => {
    const held = new HeldBytes({ MAX_BODY_BYTES: 100, MAX_HELD_BYTES: 10 * LARGE, MAX_HELD_BYTES_PER_CLIENT: 0 })
    const heldBytes: number[] = []
    const app = fastify()
    registerHeldBytes(app, held, () => 'a')
    app.addHook('onSend', async (_, __, payload) => {
      heldBytes.push(held.heldBytes)
      return payload
    })
    app.get('/large', (_, reply) => sendJson(reply, partsOfList(Array.from({ length: 3 }, () => JSON.stringify('a'.repeat(LARGE))))))
    const { payload } = await app.inject('/large')

    assert.deepEqual(heldBytes, [payload.length])
    assert.ok(payload.length > 3 * LARGE)
    assert.equal(held.heldBytes, 0)
  })
})
