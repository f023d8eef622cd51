import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { freePorts } from '../support/free-port.ts'
import { HAPROXY_FILES } from '../support/gateways.ts'
import { problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { rawStatus } from '../support/raw-request.ts'
import { pause, type RunningService, startService } from '../support/running-service.ts'

const CONFIG = join(PACKAGE_FOLDER, 'deploy', 'haproxy.cfg')
const BODY = JSON.stringify({ x: 'The children ran down to the', y: ' river' })
const CLIENTS = 8
/** As deploy/haproxy.cfg requires: longer than the gateway needs to notice that /readyz fails. */
const DRAIN_DELAY_MS = '5000'

const isMissing = spawnSync('haproxy', ['-v']).error !== undefined
if (isMissing && process.env.CI === 'true') throw new Error('haproxy is missing: the gateway tests must run in CI')
const options = isMissing ? { skip: 'haproxy is not installed' } : {}

test('haproxy accepts the gateway configuration with its default addresses', options, () => {
  const { status, stderr } = spawnSync('haproxy', ['-c', '-f', CONFIG], { encoding: 'utf8', env: { ...process.env, ...HAPROXY_FILES } })

  assert.equal(status, 0, stderr)
})

test('a rolling restart of both replicas fails no request, and both serve', options, async (t) => {
  const { gateway, replicas, restart } = await startFleet(t)
  const load = startLoad(t, gateway.url)
  await pause(1000)

  for (const name of ['a', 'b'] as const) {
    const exitCode = await replicas[name].stop()
    assert.equal(exitCode, 0, `replica ${name} ends cleanly`)
    await restart(name)
    await gateway.until(name, 'UP')
    await pause(1000)
  }
  const { sent, failures } = await load.stop()
  const answered = await gateway.answered()

  t.diagnostic(`${sent} requests, ${failures.length} failures; answered by a: ${answered.a}, by b: ${answered.b}`)
  assert.deepEqual(failures, [])
  assert.ok(sent > 100, `${sent} requests`)
  assert.ok(Math.min(answered.a, answered.b) > sent / 10, JSON.stringify(answered))
})

test('a killed replica fails no request that fits into the buffer of the gateway', options, async (t) => {
  const { gateway, replicas, restart } = await startFleet(t)
  const load = startLoad(t, gateway.url)

  for (let kill = 0; kill < 3; kill++) {
    await pause(500)
    const killed = once(replicas.a.process, 'exit')
    replicas.a.process.kill('SIGKILL')
    await killed
    await restart('a')
    await gateway.until('a', 'UP')
  }
  const { sent, failures } = await load.stop()

  t.diagnostic(`${sent} requests, ${failures.length} failures, 3 kills`)
  assert.deepEqual(failures, [])
  assert.ok(sent > 100, `${sent} requests`)
})

test('passes a request id on, makes one where there is none that is safe', options, async (t) => {
  const { gateway, replicas } = await startFleet(t)

  const named = await post(gateway.url, { 'x-request-id': 'caller-7' })
  const unsafe = await post(gateway.url, { 'x-request-id': 'a b' })
  const unnamed = await post(gateway.url)

  assert.equal(named.headers.get('x-request-id'), 'caller-7')
  const ids = [unsafe, unnamed].map(({ headers }) => present(headers.get('x-request-id')))
  for (const id of ids) assert.match(id, /^[0-9a-f-]{36}$/)
  const isLogged = (id: string): boolean => [...replicas.a.log, ...replicas.b.log].some((line) => line.includes(`"reqId":"${id}"`))
  // Logs are written after the response.
  for (let tries = 0; tries < 50 && ![...ids, 'caller-7'].every(isLogged); tries++) await pause(100)
  assert.deepEqual(
    [...ids, 'caller-7'].filter((id) => !isLogged(id)),
    []
  )
})

/** Ways to spell a path that logpr, or another server, reads as /metrics, and paths that are not for the public. */
const CLOSED_TARGETS = [
  ...['/metrics', '/metrics?x', '/%6detrics', '/%6D%65trics', '//metrics', '/./metrics', '/v1/../metrics', '/v1/%2e%2e/metrics', '/v1/..%2fmetrics'],
  ...['/%256detrics', '/METRICS', '/metrics;x', '/v1/;/../metrics', '/v1\\..\\metrics', '/%00metrics', '/v1//metrics', '*'],
  ...['http://logpr.example/metrics', 'http://logpr.example:80/%6detrics', 'HTTP://logpr.example/metrics'],
  ...['/livez', '/readyz', '/startupz', '/health', '/version', '/v1', '/unknown']
]

test('passes on the paths of its list only, however another one is spelled', options, async (t) => {
  const { gateway } = await startFleet(t)
  const open = [
    '/',
    '/app.js',
    '/style.css',
    '/docs',
    '/docs/',
    '/openapi.json',
    '/openapi.yaml',
    '/v1/models',
    '/v1/models/logpr%2dtiny-en',
    '/tokenizer_info'
  ]
  const statuses = await Promise.all(open.map((path) => rawStatus(gateway.url, path)))
  assert.deepEqual(
    open.filter((_, index) => ![200, 302].includes(present(statuses[index]))),
    []
  )
  assert.equal((await post(gateway.url)).status, 200)

  const passed: string[] = []
  for (const target of CLOSED_TARGETS) if ((await rawStatus(gateway.url, target)) !== 404) passed.push(target)
  assert.deepEqual(passed, [])
})

test('passes on the same paths below a base path, and the replicas serve nothing else', options, async (t) => {
  const base = { LOGPR_BASE_PATH: '/ml/logpr' }
  const replicas = { a: await startService(base), b: await startService(base) }
  t.after(() => {
    for (const { process: child } of Object.values(replicas)) child.kill('SIGKILL')
  })
  const gateway = await startGateway(t, replicas, base)

  const open = ['', '/', '/app.js', '/docs/', '/openapi.json', '/v1/models']
  const statuses = await Promise.all(open.map((path) => rawStatus(gateway.url, `/ml/logpr${path}`)))
  assert.deepEqual(statuses, [308, 200, 200, 200, 200, 200])
  assert.equal((await post(`${gateway.url}/ml/logpr`)).status, 200)

  const closed = [...CLOSED_TARGETS, ...CLOSED_TARGETS.map((path) => `/ml/logpr${path}`), ...open.filter((path) => path !== '')]
  const others = ['/ml/logpr/ml/logpr/', '/ml/logprx/v1/models', '/ml%2flogpr/v1/models', '/ml/logpr/../logpr/v1/models', '//ml/logpr/v1/models']
  const passed: string[] = []
  for (const target of [...closed, ...others]) if ((await rawStatus(gateway.url, target)) !== 404) passed.push(target)
  assert.deepEqual(passed, [])
})

test('checks the management ports of the replicas, whose main ports have no probes', options, async (t) => {
  const [port] = (await freePorts(1)).map(String)
  const start = (host: string): Promise<RunningService> =>
    startService({ LOGPR_PORT: '0', LOGPR_HOST: host, LOGPR_THREADS: '1', LOGPR_MANAGEMENT_PORT: present(port) })
  const [a, b] = await Promise.all([start('127.0.0.1'), start('127.0.0.2')])
  t.after(() => {
    for (const { process: child } of [a, b]) child.kill('SIGKILL')
  })
  const gateway = await startGateway(t, { a, b }, { LOGPR_CHECK_PORT: present(port) })

  assert.equal((await fetch(`${a.url}/readyz`)).status, 404)
  assert.equal((await post(gateway.url)).status, 200)
  a.process.kill('SIGKILL')
  await gateway.until('a', 'DOWN')
})

test('without a ready replica the gateway says 503 with Retry-After, as an error of the service reads', options, async (t) => {
  const { gateway, replicas } = await startFleet(t)
  await Promise.all([replicas.a, replicas.b].map((replica) => replica.process.kill('SIGKILL')))
  await Promise.all([gateway.until('a', 'DOWN'), gateway.until('b', 'DOWN')])

  const response = await post(gateway.url, { 'x-request-id': 'caller-8' })
  const problem = await problemBody(response)

  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), '1')
  assert.match(present(response.headers.get('content-type')), /^application\/problem\+json/)
  assert.equal(problem.code, 'no_replica')
  assert.equal(problem.request_id, 'caller-8')
  assert.equal((await fetch(`${gateway.operationsUrl}/readyz`)).status, 503)
})

type ReplicaName = 'a' | 'b'

interface Gateway {
  readonly url: string
  readonly operationsUrl: string
  /** Number of requests that each replica answered. */
  answered(): Promise<Record<ReplicaName, number>>
  until(name: ReplicaName, status: 'UP' | 'DOWN'): Promise<void>
}

interface Fleet {
  readonly gateway: Gateway
  readonly replicas: Record<ReplicaName, RunningService>
  /** Restarts a replica on its port. */
  restart(name: ReplicaName): Promise<void>
}

/** Two services behind HAProxy, all of which end with the test. */
async function startFleet(t: TestContext): Promise<Fleet> {
  const start = (port: string): Promise<RunningService> => startService({ LOGPR_PORT: port, LOGPR_THREADS: '1', LOGPR_DRAIN_DELAY_MS: DRAIN_DELAY_MS })
  const [a, b] = await Promise.all([start('0'), start('0')])
  const replicas = { a, b }
  t.after(() => {
    for (const { process: child } of [replicas.a, replicas.b]) child.kill('SIGKILL')
  })
  const gateway = await startGateway(t, replicas)
  return {
    gateway,
    replicas,
    async restart(name) {
      replicas[name] = await start(new URL(replicas[name].url).port)
    }
  }
}

async function startGateway(t: TestContext, replicas: Record<ReplicaName, RunningService>, env: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const [address, operations] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`)
  const child: ChildProcess = spawn('haproxy', ['-db', '-f', CONFIG], {
    env: {
      ...process.env,
      ...HAPROXY_FILES,
      ...env,
      LOGPR_GATEWAY: address,
      LOGPR_GATEWAY_METRICS: operations,
      LOGPR_A: new URL(replicas.a.url).host,
      LOGPR_B: new URL(replicas.b.url).host
    },
    stdio: 'ignore'
  })
  t.after(() => child.kill('SIGKILL'))
  const operationsUrl = `http://${operations}`

  /** The rows of the statistics page, by server. */
  async function statistics(name: ReplicaName): Promise<ReadonlyMap<string, string>> {
    const [head = '', ...rows] = (await (await fetch(`${operationsUrl}/stats;csv`)).text()).replace(/^# /, '').split('\n')
    const row = rows.find((line) => line.startsWith(`logpr,${name},`)) ?? ''
    const values = row.split(',')
    return new Map(head.split(',').map((column, index) => [column, values[index] ?? '']))
  }
  const until = async (name: ReplicaName, status: string): Promise<void> => {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await pause(100)) {
      if ((await statistics(name).catch(() => new Map<string, string>())).get('status') === status) return
    }
    throw new Error(`replica ${name} was not ${status} within 30 s`)
  }
  // Both were ready before, so that the first answer of the statistics page means that the gateway serves.
  await Promise.all([until('a', 'UP'), until('b', 'UP')])
  return {
    url: `http://${address}`,
    operationsUrl,
    until,
    async answered() {
      const [ofA, ofB] = await Promise.all([statistics('a'), statistics('b')])
      return { a: Number(ofA.get('hrsp_2xx')), b: Number(ofB.get('hrsp_2xx')) }
    }
  }
}

/** Clients that each send one request at a time, until they are stopped or the test ends. */
function startLoad(t: TestContext, url: string): { stop(): Promise<{ sent: number; failures: string[] }> } {
  let isOver = false
  let sent = 0
  const failures: string[] = []
  /** From the first response. Every later one must repeat it, whichever replica sends it. */
  let expected: number | undefined
  t.after(() => {
    isOver = true
  })
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isOver) {
      sent++
      try {
        const response = await post(url)
        const text = await response.text()
        const conditional = Number(/"conditional":(-[\d.]+)/.exec(text)?.[1])
        expected ??= conditional
        if (response.status !== 200 || !(Math.abs(conditional - expected) <= 1e-4)) failures.push(`${response.status} ${text.slice(0, 200)}`)
      } catch (error) {
        failures.push(String(error))
      }
    }
  })
  return {
    async stop() {
      isOver = true
      await Promise.all(clients)
      return { sent, failures }
    }
  }
}

function post(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${url}/v1/logprob`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: BODY })
}
