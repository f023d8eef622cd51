import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { type FastifyInstance, fastify } from 'fastify'
import { registerDeadline } from '../../../src/http/plugins/deadline.ts'
import { registerErrorHandler } from '../../../src/http/plugins/error-handler.ts'

/** An app whose only route waits for a promise that ignores the deadline. */
async function waitingApp(longestMs: number, handler: () => Promise<unknown>): Promise<FastifyInstance> {
  const app = fastify()
  registerErrorHandler(app, () => false)
  await app.register(async (scope) => {
    registerDeadline(scope, { longestMs })
    scope.post('/slow', handler)
  })
  return app
}

const never = (): Promise<unknown> => new Promise(() => {})
const slow = (app: FastifyInstance, headers: Readonly<Record<string, string>> = {}) => app.inject({ method: 'POST', url: '/slow', headers })

describe('registerDeadline', () => {
  it('answers 504 when the deadline of the service passes, whatever the route waits for', async () => {
    const app = await waitingApp(100, never)
    const response = await slow(app)
    assert.deepEqual([response.statusCode, response.json().code], [504, 'deadline_exceeded'])
    await app.close()
  })

  for (const [header, value] of [
    ['x-request-timeout-ms', '150'],
    ['x-envoy-expected-rq-timeout-ms', '150'],
    ['x-stainless-timeout', '0.15'],
    ['x-stainless-read-timeout', '0.15']
  ] as const) {
    it(`takes a shorter deadline from ${header}`, async () => {
      const app = await waitingApp(60_000, never)
      const response = await slow(app, { [header]: value })
      assert.match(response.json().detail, /deadline of 150 ms/)
      await app.close()
    })
  }

  it('keeps 100 ms of a longer deadline for the way back', async () => {
    const app = await waitingApp(300, never)
    assert.match((await slow(app, { 'x-request-timeout-ms': '400' })).json().detail, /deadline of 200 ms/)
    await app.close()
  })

  it('rejects an x-request-timeout-ms that is no positive number, without repeating it', async () => {
    const app = await waitingApp(300, never)
    for (const value of ['soon', '-5', '0', 'NaN', '']) {
      const response = await slow(app, { 'x-request-timeout-ms': value })
      assert.deepEqual([response.statusCode, response.json().error.param], [400, 'x-request-timeout-ms'])
      assert.doesNotMatch(response.json().detail, /soon|-5|NaN/)
    }
    await app.close()
  })

  it('ignores such a value in a header that other programs add', async () => {
    const app = await waitingApp(300, never)
    for (const header of ['x-envoy-expected-rq-timeout-ms', 'x-stainless-timeout', 'x-stainless-read-timeout'])
      assert.match((await slow(app, { [header]: 'NOT_GIVEN' })).json().detail, /deadline of 200 ms/)
    await app.close()
  })

  it('follows a stream: each sign of progress starts the time anew, and the end is left to the stream', async () => {
    const events: string[] = []
    const app = fastify()
    registerErrorHandler(app, () => false)
    await app.register(async (scope) => {
      registerDeadline(scope, { longestMs: 200 })
      scope.post('/slow', async (request, reply) => {
        const progress = request.deadline.follow()
        async function* lines() {
          for (let i = 0; i < 5; i++) {
            await new Promise((resolve) => setTimeout(resolve, 100))
            progress()
            yield `${i}\n`
          }
          events.push(request.deadline.signal.aborted ? 'early' : 'in time')
          await once(request.deadline.signal, 'abort')
          yield String(request.deadline.signal.reason.message)
        }
        return reply.send(Readable.from(lines()))
      })
    })
    const response = await slow(app)
    assert.deepEqual([response.statusCode, events], [200, ['in time']])
    assert.equal(response.body, '0\n1\n2\n3\n4\nthe stream made no progress for 200 ms; send fewer items or allow more time')
    await app.close()
  })

  it('holds for the whole stream when the request set it', async () => {
    const app = fastify()
    await app.register(async (scope) => {
      registerDeadline(scope, { longestMs: 10_000 })
      scope.post('/slow', async (request, reply) => {
        const progress = request.deadline.follow()
        const timer = setInterval(progress, 10)
        const { signal } = request.deadline
        await once(signal, 'abort')
        clearInterval(timer)
        return reply.send(signal.reason.message)
      })
    })
    assert.match((await slow(app, { 'x-request-timeout-ms': '150' })).body, /deadline of 150 ms/)
    await app.close()
  })

  it('counts from the arrival of the request: what passed before the handler is gone', async () => {
    let handled = 0
    const app = fastify()
    registerErrorHandler(app, () => false)
    // Fastify measures the time of a request only where a hook may use it, as in the service.
    app.addHook('onResponse', async () => {})
    // Stands for a body that takes long to arrive.
    app.addHook('onRequest', () => new Promise((resolve) => setTimeout(resolve, 150)))
    await app.register(async (scope) => {
      registerDeadline(scope, { longestMs: 100 })
      scope.addHook('preHandler', () => new Promise((resolve) => setTimeout(resolve, 5)))
      scope.post('/slow', async () => {
        handled++
        return 'late'
      })
    })
    assert.equal((await slow(app)).statusCode, 504)
    assert.equal(handled, 0)
    await app.close()
  })

  it('leaves a response alone that is sent in time', async () => {
    const app = await waitingApp(1000, async () => ({ done: true }))
    assert.deepEqual((await slow(app)).json(), { done: true })
    await app.close()
  })
})
