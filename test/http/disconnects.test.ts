import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { pause, type RunningService, startService } from '../support/running-service.ts'

const IDS = Array.from({ length: 40 }, (_, i) => 10 + i)

let service: RunningService
before(async () => {
  service = await startService({ LOGPR_BATCH_TIMEOUT_MS: '60000', LOGPR_CANARY_INTERVAL_MS: '0', LOGPR_VERIFY_PERCENT: '0', LOGPR_PREFIX_CACHE_BYTES: '0' })
})
after(() => service.stop())

/** The value of a metric of the only model; 0 where it was never counted. */
async function metric(name: string, labels = ''): Promise<number> {
  const text = await (await service.get('/metrics')).text()
  return Number(new RegExp(`^${name}\\{model="logpr-tiny-en"${labels}\\} (.+)$`, 'm').exec(text)?.[1] ?? 0)
}

const dropped = (): Promise<number> => metric('logpr_dropped_sequences_total', ',reason="client_closed_request"')

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await holds()) return
    await pause(20)
  }
  assert.fail(`never: ${what}`)
}

/**
 * Does something while the engine stands still behind one request; the tokens that were computed because of it, that
 * request's aside.
 */
async function computedWhileBlocked(act: () => Promise<void>): Promise<number> {
  const enginePid = service.enginePid()
  const before = await metric('logpr_computed_tokens_total')
  process.kill(enginePid, 'SIGSTOP')
  try {
    const blocking = service.post('/v1/logprob', { x: IDS, y: [1] })
    await pause(100)
    await act()
    process.kill(enginePid, 'SIGCONT')
    assert.equal((await blocking).status, 200)
  } finally {
    process.kill(enginePid, 'SIGCONT')
  }
  assert.equal((await service.post('/v1/logprob', { x: [2], y: [3] })).status, 200)
  // Prefix token, x and y; the last token is never fed.
  return (await metric('logpr_computed_tokens_total')) - before - (IDS.length + 1) - 2
}

describe('a client that goes away', () => {
  for (const accept of ['application/json', 'application/x-ndjson'])
    test(`takes all its queued work with it, and nothing of it is computed (${accept})`, async () => {
      const droppedBefore = await dropped()
      const computed = await computedWhileBlocked(async () => {
        const leaving = new AbortController()
        const left = service.post('/v1/logprob', { x: IDS, y: IDS.map((id) => [id, 3]) }, { signal: leaving.signal, headers: { accept } }).catch(() => 'gone')
        await until('the work waits', async () => (await metric('logpr_queue_sequences')) === IDS.length)
        leaving.abort()
        assert.equal(await left, 'gone')
        await until('the work is dropped', async () => (await metric('logpr_queue_tokens')) === 0)
      })
      assert.deepEqual([computed, (await dropped()) - droppedBefore], [0, IDS.length])
    })

  test('one of a hundred at once, leaves nothing behind', async () => {
    const droppedBefore = await dropped()
    const computed = await computedWhileBlocked(async () => {
      const leaving = new AbortController()
      const clients = Array.from({ length: 100 }, (_, i) =>
        service
          .post(
            '/v1/logprob',
            {
              x: IDS,
              y: [
                [i, 3],
                [i + 1, 3]
              ]
            },
            { signal: leaving.signal }
          )
          .catch(() => 'gone')
      )
      await until('the work waits', async () => (await metric('logpr_queue_sequences')) === 200)
      leaving.abort()
      assert.ok((await Promise.all(clients)).every((outcome) => outcome === 'gone'))
      await until('the work is dropped', async () => (await metric('logpr_queue_tokens')) === 0)
    })
    assert.deepEqual([computed, (await dropped()) - droppedBefore], [0, 200])
  })

  test('with half its body sent, is forgotten before anything is queued', async () => {
    const itemsBefore = await metric('logpr_items_total')
    const computed = await computedWhileBlocked(async () => {
      const { hostname, port } = new URL(service.url)
      const sockets = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const socket = connect(Number(port), hostname)
          await once(socket, 'connect')
          socket.write('POST /v1/logprob HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"x":[1],')
          return socket
        })
      )
      await pause(100)
      for (const socket of sockets) socket.destroy()
      await pause(100)
      assert.equal(await metric('logpr_queue_sequences'), 0)
    })
    // The two of the check itself.
    assert.deepEqual([computed, (await metric('logpr_items_total')) - itemsBefore], [0, 2])
    assert.equal((await service.get('/readyz')).status, 200)
  })
})
