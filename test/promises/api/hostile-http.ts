import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../support/free-port.ts'
import { exchange, HOSTILE_REQUESTS, hasProblemBody, statusesOf } from '../../support/hostile-http.ts'
import { pause, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const HAPROXY = ['/usr/sbin/haproxy', '/usr/bin/haproxy', '/usr/local/sbin/haproxy'].find((path) => existsSync(path))

/** Runs `act` with the address of a bare HAProxy in front of the service. */
async function behindHaproxy<T>(url: string, act: (gateway: string) => Promise<T>): Promise<T> {
  const [port] = await freePorts(1)
  const file = join(mkdtempSync(join(tmpdir(), 'logpr-')), 'haproxy.cfg')
  const timeouts = 'timeout connect 5s\n  timeout client 10s\n  timeout server 10s'
  writeFileSync(file, `defaults\n  mode http\n  ${timeouts}\nlisten all\n  bind 127.0.0.1:${port}\n  server logpr ${new URL(url).host}\n`)
  const child = spawn(HAPROXY ?? '', ['-f', file], { stdio: 'ignore' })
  try {
    const gateway = `http://127.0.0.1:${port}`
    for (let tries = 0; tries < 100; tries++) {
      const isUp = await fetch(`${gateway}/livez`).then(
        ({ ok }) => ok,
        () => false
      )
      if (isUp) break
      await pause(50)
    }
    return await act(gateway)
  } finally {
    child.kill('SIGKILL')
  }
}

/**
 * Names of requests for which the service gave more final responses than the gateway passed on requests: it would have
 * read a second request where the gateway saw one.
 */
async function disagreements(service: string): Promise<string[]> {
  return behindHaproxy(service, async (gateway) => {
    const wrong: string[] = []
    for (const [name, { bytes, statuses }] of Object.entries(HOSTILE_REQUESTS)) {
      const before = await answered(service)
      const through = finalStatuses(await exchange(gateway, bytes, 200))
      const received = (await answered(service)) - before
      if (received > through.length || through.length > Math.max(1, finalCount(statuses))) wrong.push(name)
    }
    return wrong
  })
}

function finalStatuses(responses: string): number[] {
  return statusesOf(responses).filter((status) => status >= 200)
}

function finalCount(statuses: readonly number[]): number {
  return statuses.filter((status) => status >= 200).length
}

/** Requests that the service has answered, without those for its metrics. */
async function answered(service: string): Promise<number> {
  const text = await (await fetch(`${service}/metrics`)).text()
  const counts = [...text.matchAll(/^logpr_http_requests_total\{route="([^"]*)".*\} (\d+)$/gm)]
  return counts.reduce((sum, [, route, count]) => sum + (route === '/metrics' ? 0 : Number(count)), 0)
}

async function measure(): Promise<Measured> {
  const service = await startService()
  try {
    const names = Object.keys(HOSTILE_REQUESTS)
    const wrong: string[] = []
    for (const [name, { bytes, statuses }] of Object.entries(HOSTILE_REQUESTS)) {
      const responses = await exchange(service.url, bytes, 200)
      const isRight = statusesOf(responses).join() === statuses.join()
      const hasBody = statuses.length > 1 || (statuses[0] ?? 0) < 400 || hasProblemBody(responses)
      if (!isRight || !hasBody) wrong.push(name)
    }
    const disagreed = HAPROXY === undefined ? null : await disagreements(service.url)
    const isUp = (await service.get('/readyz')).status === 200
    const gateway =
      disagreed === null
        ? 'HAProxy is not installed'
        : `${disagreed.length} disagreements with HAProxy${disagreed.length > 0 ? `: ${disagreed.join('; ')}` : ''}`
    return {
      isKept: wrong.length === 0 && isUp && (disagreed ?? []).length === 0,
      measured: `${names.length} requests: ${wrong.length} unexpected answers${wrong.length > 0 ? `: ${wrong.join('; ')}` : ''}, 0 crashes, ${gateway}`
    }
  } finally {
    await service.stop()
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'F2',
    claim: 'Hostile HTTP gets the expected status in the one error body, and gateway and service see the same requests',
    target: 'every request of the corpus as expected, 0 crashes, 0 disagreements with HAProxy on the boundaries of messages',
    measure
  }
]
