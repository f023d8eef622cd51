import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { logprobBody, problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { childPids, isRunning, pause, startListening, startService } from '../support/running-service.ts'

const BODY = { x: 'The children ran down to the', y: ' river' }

test('requests survive the engine: killed under load, it is replaced and every response is the same', async (t) => {
  const service = await startService()
  t.after(() => service.stop())
  const [expected] = (await logprobBody(await service.post('/v1/logprob', BODY))).results
  let isOver = false
  const statuses: number[] = []
  const values: number[] = []
  const clients = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const response = await service.post('/v1/logprob', BODY)
      statuses.push(response.status)
      values.push(present((await logprobBody(response)).results[0]?.log_prob.joint))
    }
  })

  for (let kill = 0; kill < 3; kill++) {
    const killed = service.enginePid()
    process.kill(killed, 'SIGKILL')
    // On a busy machine the service stays ready for a moment, until it notices the exit.
    const others = (): number[] => childPids(present(service.process.pid)).filter((pid) => pid !== killed)
    for (const deadline = Date.now() + 30_000; others().length === 0 && Date.now() < deadline; ) await pause(20)
    await service.untilReady()
    await pause(300)
  }
  isOver = true
  await Promise.all(clients)

  assert.deepEqual([...new Set(statuses)], [200])
  assert.ok(values.every((value) => Math.abs(value - present(expected?.log_prob.joint)) <= 1e-4))
  assert.equal(service.process.exitCode, null)
})

test('is live but not ready while the engine restarts', async (t) => {
  const service = await startService()
  t.after(() => service.stop())

  process.kill(service.enginePid(), 'SIGKILL')
  let ready = await service.get('/readyz')
  for (let attempt = 0; attempt < 100 && ready.status === 200; attempt++, await pause(5)) ready = await service.get('/readyz')
  const live = await service.get('/livez')

  assert.deepEqual([ready.status, live.status], [503, 200])
  assert.match(((await ready.json()) as { reason: string }).reason, /is restarting/)
})

test('no engine survives a killed front process', async () => {
  const service = await startService()
  const enginePid = service.enginePid()
  assert.ok(isRunning(enginePid))

  service.process.kill('SIGKILL')
  await once(service.process, 'exit')
  for (let waitedMs = 0; isRunning(enginePid) && waitedMs < 5000; waitedMs += 100) await pause(100)

  assert.equal(isRunning(enginePid), false)
})

test('a hung engine is killed after the batch timeout and the next engine answers the request', async (t) => {
  const service = await startService({ LOGPR_BATCH_TIMEOUT_MS: '1500' })
  t.after(() => service.stop())

  process.kill(service.enginePid(), 'SIGSTOP')
  const response = await service.post('/v1/logprob', BODY)

  assert.equal(response.status, 200)
  assert.match(service.log.join('\n'), /did not answer in time/)
})

test('SIGTERM lets requests in progress finish, closes idle connections and leaves nothing behind', async () => {
  const service = await startService()
  const enginePid = service.enginePid()
  const idle = connect(Number(new URL(service.url).port), '127.0.0.1')
  await once(idle, 'connect')
  const y = Array.from({ length: 400 }, (_, i) => ` word number ${i}`)
  // The engine waits until the service drains, so that the request is in progress on any machine.
  process.kill(enginePid, 'SIGSTOP')
  const inProgress = service.post('/v1/logprob', { x: BODY.x, y })
  await pause(100)

  const began = performance.now()
  const stopped = service.stop()
  await pause(100)
  process.kill(enginePid, 'SIGCONT')
  const [code, response] = await Promise.all([stopped, inProgress])

  assert.equal(response.status, 200)
  assert.equal(response.headers.get('connection'), 'close')
  assert.equal((await logprobBody(response)).results.length, 400)
  assert.equal(code, 0)
  assert.ok(performance.now() - began < 20_000)
  assert.equal(isRunning(enginePid), false)
  idle.destroy()
})

test('SIGTERM while the model loads stops the service normally', async () => {
  const service = await startListening({ LOGPR_DRAIN_DELAY_MS: '0' })
  assert.equal(await service.stop(), 0)
  assert.doesNotMatch(service.log.join('\n'), /cannot be served|"fatal"/)
})

test('a deadline is met while the queue is blocked, and the jobs are dropped', async (t) => {
  const service = await startService({ LOGPR_BATCH_TIMEOUT_MS: '20000' })
  t.after(() => service.stop())
  const enginePid = service.enginePid()

  process.kill(enginePid, 'SIGSTOP')
  const blocking = service.post('/v1/logprob', BODY)
  await pause(100)
  const began = performance.now()
  // An equal text would wait for the running one, outside the queue.
  const late = await service.post('/v1/logprob', { ...BODY, y: ' sea' }, { headers: { 'x-request-timeout-ms': '500' } })
  const waitedMs = performance.now() - began
  const metrics = await (await service.get('/metrics')).text()
  process.kill(enginePid, 'SIGCONT')

  assert.deepEqual([late.status, (await problemBody(late)).code], [504, 'deadline_exceeded'])
  assert.ok(waitedMs < 900, `answered after ${waitedMs} ms`)
  assert.match(metrics, /logpr_dropped_sequences_total\{model="logpr-tiny-en",reason="deadline_exceeded"\} 1/)
  assert.equal((await blocking).status, 200)
})

test('jobs of a disconnected client are dropped from the queue', async (t) => {
  const service = await startService({ LOGPR_BATCH_TIMEOUT_MS: '20000' })
  t.after(() => service.stop())
  const enginePid = service.enginePid()

  process.kill(enginePid, 'SIGSTOP')
  const blocking = service.post('/v1/logprob', BODY)
  await pause(100)
  const leaving = new AbortController()
  const left = service.post('/v1/logprob', { x: BODY.x, y: [' a river', ' the river', ' one river'] }, { signal: leaving.signal }).catch(() => 'gone')
  await pause(200)
  leaving.abort()
  assert.equal(await left, 'gone')
  await pause(100)
  const metrics = await (await service.get('/metrics')).text()
  process.kill(enginePid, 'SIGCONT')

  assert.match(metrics, /logpr_dropped_sequences_total\{model="logpr-tiny-en",reason="client_closed_request"\} 3/)
  assert.match(metrics, /logpr_queue_tokens\{model="logpr-tiny-en"\} 0/)
  assert.equal((await blocking).status, 200)
})

test('a full queue is answered with 429 and Retry-After, and drains', async (t) => {
  const service = await startService({ LOGPR_BATCH_TIMEOUT_MS: '20000', LOGPR_MAX_QUEUE_TOKENS: '30' })
  t.after(() => service.stop())
  const enginePid = service.enginePid()

  process.kill(enginePid, 'SIGSTOP')
  const first = service.post('/v1/logprob', BODY)
  await pause(100)
  const waiting = [' sea', ' lake', ' shore', ' water'].map((y) => service.post('/v1/logprob', { ...BODY, y }))
  await pause(300)
  const refused = await service.post('/v1/logprob', { ...BODY, y: ' house' })
  process.kill(enginePid, 'SIGCONT')

  assert.deepEqual([refused.status, (await problemBody(refused)).code], [429, 'queue_full'])
  assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  assert.ok((await Promise.all([first, ...waiting])).every(({ status }) => status === 200))
})

test('a model folder that does not exist ends the start with exit code 2 and the reason', async () => {
  await assert.rejects(startService({ LOGPR_MODEL: '/does/not/exist' }), /ended with 2.*there is no model folder/s)
})

test('the engine is the only child of the service', async (t) => {
  const service = await startService()
  t.after(() => service.stop())
  assert.equal(childPids(present(service.process.pid)).length, 1)
})
