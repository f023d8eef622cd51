/** Two replicas that count requests through one real Redis server, and what they do when it fails. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { elementAt } from '../../src/element-at.ts'
import { freePorts } from '../support/free-port.ts'
import { pause, type RunningService, startListening, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const isMissing = spawnSync('redis-server', ['--version']).error !== undefined
if (isMissing && process.env.CI === 'true') throw new Error('redis-server is missing: the tests of shared rate limits must run in CI')
const options = isMissing ? { skip: 'redis-server is not installed' } : {}

const PASSWORD = 'a-password-that-no-log-shows'
const LIMIT = 5

interface RunningRedis {
  readonly process: ChildProcess
  kill(): Promise<void>
}

async function startRedis(t: TestContext, port: number, args: readonly string[] = ['--port', String(port)]): Promise<RunningRedis> {
  const child = spawn('redis-server', [...args, '--bind', '127.0.0.1', '--save', '', '--requirepass', PASSWORD, '--dir', tempFolder(t)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  t.after(kill)
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Ready to accept connections')) break
  return { process: child, kill }
}

const urlOf = (port: number, password = PASSWORD, scheme = 'redis'): string => `${scheme}://:${password}@127.0.0.1:${port}`

async function startReplicas(t: TestContext, url: string, count = 2, env: Readonly<Record<string, string>> = {}): Promise<readonly RunningService[]> {
  const settings = { LOGPR_RATE_LIMIT_REDIS_URL: url, LOGPR_REQUESTS_PER_MINUTE: String(LIMIT), ...env }
  const replicas = await Promise.all(Array.from({ length: count }, () => startService(settings)))
  t.after(() => Promise.all(replicas.map((replica) => replica.stop())))
  return replicas
}

const ask = (replica: RunningService): Promise<Response> => replica.post('/v1/logprob', { x: 'The children ran down to the', y: ' river' })

async function statuses(replica: RunningService, count: number): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < count; i++) found.push((await ask(replica)).status)
  return found
}

const logged = (replica: RunningService, text: string): boolean => replica.log.some((line) => line.includes(text))

async function untilLogged(replica: RunningService, text: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; !logged(replica, text); await pause(50)) {
    if (Date.now() > deadline) throw new Error(`not logged within 20 s: ${text}`)
  }
}

/** Sends requests until Redis counts one, which takes a second after a failure. */
async function untilCounted(replica: RunningService): Promise<Response> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await pause(200)) {
    const response = await ask(replica)
    if (response.headers.has('ratelimit')) return response
  }
  throw new Error('no request was counted within 20 s')
}

async function uncounted(replica: RunningService): Promise<number> {
  const text = await (await replica.get('/metrics')).text()
  return Number(/^logpr_rate_limit_uncounted_total (\d+)$/m.exec(text)?.[1])
}

test('replicas share the limit of a client, and their headers show what is left of it', options, async (t) => {
  const port = elementAt(await freePorts(1), 0)
  await startRedis(t, port)
  const [a, b] = (await startReplicas(t, urlOf(port))) as [RunningService, RunningService]
  const responses: Response[] = []
  for (const replica of [a, b, a, b, a, b]) responses.push(await ask(replica))

  assert.deepEqual(
    responses.map(({ status }) => status),
    [200, 200, 200, 200, 200, 429]
  )
  assert.deepEqual(
    responses.map(({ headers }) => /^"requests";r=(\d+);t=\d+$/.exec(headers.get('ratelimit') ?? '')?.[1]),
    ['4', '3', '2', '1', '0', '0']
  )
  for (const { headers } of responses) assert.equal(headers.get('ratelimit-policy'), `"requests";q=${LIMIT};w=60`)
  const retryAfter = Number(responses.at(-1)?.headers.get('retry-after'))
  assert.ok(retryAfter >= 1 && retryAfter <= 60, `${retryAfter} s`)
  assert.equal(await uncounted(a), 0)
})

test('requests are let in while Redis is killed, which is logged and counted, and limited again after its restart', options, async (t) => {
  const port = elementAt(await freePorts(1), 0)
  const redis = await startRedis(t, port)
  const [a, b] = (await startReplicas(t, urlOf(port))) as [RunningService, RunningService]
  assert.deepEqual(await statuses(a, LIMIT + 1), [200, 200, 200, 200, 200, 429])

  await redis.kill()
  await untilLogged(a, 'Redis is not reachable, requests are not limited')
  const open = await ask(a)
  assert.deepEqual([open.status, open.headers.get('ratelimit')], [200, null])
  assert.deepEqual(
    await statuses(b, LIMIT + 1),
    Array.from({ length: LIMIT + 1 }, () => 200)
  )
  assert.deepEqual([await uncounted(a), await uncounted(b)], [1, LIMIT + 1])
  const outages = a.log.flatMap((line) => (line.includes('Redis is not reachable') ? [(JSON.parse(line) as { reason: string }).reason] : []))
  assert.deepEqual(outages, [...new Set(outages)])

  await startRedis(t, port)
  await untilCounted(a)
  await untilCounted(b)
  assert.equal((await statuses(a, LIMIT)).at(-1), 429)
  assert.equal((await ask(b)).status, 429)
  assert.ok(logged(a, 'requests are counted again'))
})

test('a Redis server that does not answer delays one request per second, and limits none', options, async (t) => {
  const port = elementAt(await freePorts(1), 0)
  const redis = await startRedis(t, port)
  const [a] = (await startReplicas(t, urlOf(port), 1)) as [RunningService]
  assert.equal((await ask(a)).status, 200)
  redis.process.kill('SIGSTOP')
  t.after(() => redis.process.kill('SIGCONT'))
  assert.deepEqual(
    await statuses(a, 2 * LIMIT),
    Array.from({ length: 2 * LIMIT }, () => 200)
  )
  assert.equal(await uncounted(a), 2 * LIMIT)
  assert.ok(logged(a, 'Redis did not count a request, requests are not limited'))
  redis.process.kill('SIGCONT')
  await untilCounted(a)
})

test('a wrong password is logged without it, and limits nobody', options, async (t) => {
  const port = elementAt(await freePorts(1), 0)
  await startRedis(t, port)
  const [a] = (await startReplicas(t, urlOf(port, 'wrong-secret'), 1)) as [RunningService]
  await untilLogged(a, 'WRONGPASS')
  assert.deepEqual(
    await statuses(a, LIMIT + 1),
    Array.from({ length: LIMIT + 1 }, () => 200)
  )
  assert.ok(!logged(a, 'wrong-secret') && !logged(a, 'Redis counts the requests'))
})

test('rediss:// is TLS: the certificate must be trusted', options, async (t) => {
  const port = elementAt(await freePorts(1), 0)
  const folder = tempFolder(t)
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=redis', '-addext', 'subjectAltName=IP:127.0.0.1']
  assert.equal(spawnSync('openssl', [...request, '-keyout', key, '-out', certificate]).status, 0)
  await startRedis(t, port, ['--port', '0', '--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key, '--tls-auth-clients', 'no'])
  const [trusting] = await startReplicas(t, urlOf(port, PASSWORD, 'rediss'), 1, { NODE_EXTRA_CA_CERTS: certificate })
  assert.equal((await untilCounted(trusting as RunningService)).status, 200)
  const [other] = await startReplicas(t, urlOf(port, PASSWORD, 'rediss'), 1)
  await untilLogged(other as RunningService, 'Redis is not reachable')
  assert.equal((await ask(other as RunningService)).headers.get('ratelimit'), null)
})

test('a value that is no URL of Redis ends the start, and is not shown', async (t) => {
  const folder = tempFolder(t)
  writeFileSync(join(folder, 'secret'), '')
  for (const url of ['localhost:6379', join(folder, 'secret'), `http://:${PASSWORD}@localhost`, 'redis://'])
    await assert.rejects(startListening({ LOGPR_RATE_LIMIT_REDIS_URL: url }), (error: Error) => {
      assert.match(error.message, /rate-limit-redis-url is not a URL of Redis/)
      assert.doesNotMatch(error.message, new RegExp(`${PASSWORD}|secret`))
      return true
    })
})
