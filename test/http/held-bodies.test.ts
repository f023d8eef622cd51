import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { HeldBodies } from '../../src/http/held-bodies.ts'

const LIMITS = { MAX_BODY_BYTES: 100, MAX_HELD_BYTES: 250 }

type Arriving = Pick<FastifyRequest, 'headers' | 'raw'>

function requestWith(headers: Record<string, string>): Arriving {
  return { headers, raw: {} as FastifyRequest['raw'] }
}

const announcing = (sizeBytes: number): Arriving => requestWith({ 'content-length': String(sizeBytes) })

describe('HeldBodies', () => {
  it('takes bodies up to the limit of all, refuses the next before it is read, and takes it when one is given back', () => {
    const held = new HeldBodies(LIMITS)
    const requests = [announcing(100), announcing(100), announcing(50)] as const
    for (const request of requests) held.reserve(request)
    assert.throws(() => held.reserve(announcing(1)), { code: 'too_many_requests', retryAfterSeconds: 1 })
    held.release(requests[2])
    held.reserve(announcing(50))
    assert.equal(held.heldBytes, 250)
  })

  it('counts a body of unknown length as the largest until it has arrived', () => {
    const held = new HeldBodies(LIMITS)
    const chunked = requestWith({ 'transfer-encoding': 'chunked' })
    held.reserve(chunked)
    assert.equal(held.heldBytes, 100)
    held.arrived(chunked, 7)
    assert.equal(held.heldBytes, 7)
    held.release(chunked)
    assert.equal(held.heldBytes, 0)
  })

  it('gives back once, whatever comes after', () => {
    const held = new HeldBodies(LIMITS)
    const request = announcing(60)
    held.reserve(request)
    held.release(request)
    held.release(request)
    held.arrived(request, 60)
    assert.equal(held.heldBytes, 0)
  })

  it('takes no room for requests without a body, nor for a body that is refused as too large', () => {
    const held = new HeldBodies(LIMITS)
    for (const request of [requestWith({}), announcing(0), announcing(101)]) held.reserve(request)
    assert.equal(held.heldBytes, 0)
  })
})
