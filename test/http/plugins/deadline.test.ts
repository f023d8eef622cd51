import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FastifyInstance, fastify } from 'fastify'
import { registerDeadline } from '../../../src/http/plugins/deadline.ts'
import { registerErrorHandler } from '../../../src/http/plugins/error-handler.ts'

/** An app whose only route waits for a promise that ignores the deadline. */
async function waitingApp(longestMs: number, handler: () => Promise<unknown>): Promise<FastifyInstance> {
  const app = fastify()
  registerErrorHandler(app, () => false)
  await app.register(async (scope) => {
    registerDeadline(scope, longestMs)
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

  it('keeps 100 ms of a longer deadline for the way back, and ignores values that are not positive numbers', async () => {
    const app = await waitingApp(300, never)
    for (const value of ['400', 'soon', '-5', '0', 'NaN']) {
      const { detail } = (await slow(app, { 'x-request-timeout-ms': value })).json() as { detail: string }
      assert.match(detail, /deadline of 200 ms/)
    }
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
      registerDeadline(scope, 100)
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
