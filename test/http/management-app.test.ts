import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { freePorts } from '../support/free-port.ts'
import { rawStatus } from '../support/raw-request.ts'
import { endOfStart, pause, type RunningService, startListening, startService } from '../support/running-service.ts'

const PATHS = ['/metrics', '/livez', '/readyz', '/startupz', '/health', '/version']
const BODY = { x: 'The children ran down to the', y: ' river' }

async function startWithManagement(env: Readonly<Record<string, string>> = {}): Promise<RunningService> {
  const [port] = await freePorts(1)
  return startService({ LOGPR_MANAGEMENT_PORT: String(port), LOGPR_THREADS: '1', ...env })
}

describe('with a management port', () => {
  let service: RunningService
  before(async () => {
    service = await startWithManagement()
  })
  after(() => service.stop())

  for (const path of PATHS) {
    test(`${path} is served there and nowhere else`, async () => {
      assert.equal(await rawStatus(service.managementUrl, path), 200)
      assert.equal(await rawStatus(service.url, path), 404)
    })
  }
  for (const target of [
    '/%6detrics',
    '/%6Detrics',
    'http://logpr.example/metrics',
    '//metrics',
    '/METRICS',
    '/./metrics',
    '/x/../metrics',
    '/metrics/',
    '/metrics?x'
  ]) {
    test(`the main port does not serve the metrics as ${target}`, async () => assert.equal(await rawStatus(service.url, target), 404))
  }
  test('the main port scores, and the management port does not', async () => {
    assert.equal((await service.post('/v1/logprob', BODY)).status, 200)
    const response = await fetch(`${service.managementUrl}/v1/logprob`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
    assert.equal(response.status, 404)
  })
  test('the API description of the main port omits the routes of the other', async () => {
    const { paths } = (await (await service.get('/openapi.json')).json()) as { paths: Record<string, object> }
    assert.deepEqual(
      PATHS.filter((path) => path in paths),
      []
    )
  })
  test('its metrics count the requests of the main port', async () => {
    const text = await (await fetch(`${service.managementUrl}/metrics`)).text()
    assert.match(text, /logpr_http_requests_total\{route="\/v1\/logprob",method="POST",status="200"\} 1/)
  })
  test('headers above 8 KiB are refused there', async () => {
    assert.equal(await rawStatus(service.managementUrl, '/livez', `x-padding: ${'x'.repeat(9000)}\r\n`), 431)
  })
})

test('the management port answers 503 while the model loads and until the end of the drain', async () => {
  const [port] = await freePorts(1)
  const service = await startListening({ LOGPR_MANAGEMENT_PORT: String(port), LOGPR_THREADS: '1', LOGPR_DRAIN_DELAY_MS: '1000' })
  const readyz = async (): Promise<number> => (await fetch(`${service.managementUrl}/readyz`)).status
  assert.equal(await readyz(), 503)
  await service.untilReady()
  assert.equal(await readyz(), 200)

  const ended = once(service.process, 'exit')
  service.process.kill('SIGTERM')
  await pause(300)
  assert.equal(await readyz(), 503)
  assert.deepEqual(await ended, [0, null])
})

test('a management port that is in use ends the start with the flag to change', async () => {
  const [port] = await freePorts(1)
  const other = await startService({ LOGPR_PORT: String(port), LOGPR_THREADS: '1' })
  const { code, output } = await endOfStart({ LOGPR_MANAGEMENT_PORT: String(port), LOGPR_THREADS: '1' })
  await other.stop()

  assert.equal(code, 2)
  assert.match(output, /EADDRINUSE.*--management-port/)
})
