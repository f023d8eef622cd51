/** The services of docker-compose.yml, and clients that send requests to its gateway. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../support/free-port.ts'
import { pause } from '../support/running-service.ts'
import type { Docker } from './docker.ts'

export const SERVICES = ['logpr-a', 'logpr-b', 'gateway', 'prometheus'] as const
type Service = (typeof SERVICES)[number]

const PROJECT = `logpr-test-${process.pid}`
const BODY = JSON.stringify({ pairs: Array.from({ length: 8 }, (_, i) => ({ x: `The weather on day ${i} of the journey`, y: ' was better than expected.' })) })
const HEALTHY_WITHIN_MS = 120_000

export interface Fleet {
  readonly url: string
  readonly key: string
  /** What docker inspect prints of the service's container. */
  inspect(service: Service, format: string): Promise<string>
  /** Runs JavaScript in the container of a replica and returns what it prints. */
  node(service: 'logpr-a' | 'logpr-b', script: string): Promise<string>
  /** Stops the service as compose does, starts it again, and waits until the gateway sends it requests. */
  restart(service: 'logpr-a' | 'logpr-b'): Promise<void>
  stop(): Promise<void>
}

/** Starts all services and returns when their health checks pass. */
export async function startFleet(docker: Docker): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-fleet-'))
  const key = randomBytes(32).toString('hex')
  const keys = join(folder, 'api-keys.txt')
  writeFileSync(keys, `sha256:${createHash('sha256').update(key).digest('hex')}\n`, { mode: 0o644 })
  const [port = 0] = await freePorts(1)
  const environment = { LOGPR_API_KEYS_FILE: keys, LOGPR_PUBLISH: String(port), LOGPR_CPUS: '1' }
  const compose = (...args: string[]): Promise<string> => docker.compose(['--project-name', PROJECT, ...args], environment)
  const containerOf = async (service: Service): Promise<string> => (await compose('ps', '--quiet', service)).trim()
  const inspect: Fleet['inspect'] = async (service, format) => (await docker.run(['inspect', '--format', format, await containerOf(service)])).trim()
  const untilHealthy = async (service: Service): Promise<void> => {
    for (const until = Date.now() + HEALTHY_WITHIN_MS; Date.now() < until; await pause(500)) {
      if ((await inspect(service, '{{ .State.Health.Status }}')) === 'healthy') return
    }
    throw new Error(`${service} was not healthy within ${HEALTHY_WITHIN_MS / 1000} s:\n${await compose('logs', '--tail', '40', service)}`)
  }
  const stop = async (): Promise<void> => {
    await compose('down', '--volumes', '--timeout', '10')
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await compose('up', '--detach', '--no-build')
    await Promise.all(SERVICES.map(untilHealthy))
    await untilUp('a')
    await untilUp('b')
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `http://127.0.0.1:${port}`,
    key,
    inspect,
    stop,
    node: async (service, script) => (await docker.run(['exec', await containerOf(service), 'node', '-e', script])).trim(),
    async restart(service) {
      await compose('stop', service)
      await compose('start', service)
      await untilUp(service === 'logpr-a' ? 'a' : 'b')
    }
  }
}

/** Waits until the gateway sends requests to the replica. */
async function untilUp(server: 'a' | 'b'): Promise<void> {
  for (const until = Date.now() + HEALTHY_WITHIN_MS; Date.now() < until; await pause(200)) {
    const rows = await fetch('http://127.0.0.1:8405/stats;csv').then(
      (response) => response.text(),
      () => ''
    )
    if (new RegExp(`^logpr,${server},.*,UP,`, 'm').test(rows)) return
  }
  throw new Error(`the gateway did not use replica ${server} within ${HEALTHY_WITHIN_MS / 1000} s`)
}

export function scoreThrough({ url, key }: Fleet, headers: Readonly<Record<string, string>> = { authorization: `Bearer ${key}` }): Promise<Response> {
  return fetch(`${url}/v1/logprob`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: BODY })
}

/** Clients that send one request after another until they are stopped. */
export function startLoad(fleet: Fleet, clients: number): { stop(): Promise<{ sent: number; failures: string[] }> } {
  let isOver = false
  let sent = 0
  const failures: string[] = []
  const running = Array.from({ length: clients }, async () => {
    while (!isOver) {
      sent++
      const failure = await scoreThrough(fleet).then(
        async (response) => (response.status === 200 && (await response.text()).includes('"conditional"') ? null : `${response.status}`),
        (error: unknown) => String(error)
      )
      if (failure !== null) failures.push(failure)
      await pause(20)
    }
  })
  return {
    async stop() {
      isOver = true
      await Promise.all(running)
      return { sent, failures }
    }
  }
}
