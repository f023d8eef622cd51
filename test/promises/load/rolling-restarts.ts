import { freePorts } from '../../support/free-port.ts'
import { GATEWAYS, type GatewayName, isInstalled, startGateway } from '../../support/gateways.ts'
import { pause, type RunningService, startService } from '../../support/running-service.ts'
import type { ServicePromise } from '../promise.ts'

/** Restarts of a replica behind each gateway, each replica in turn. */
const RESTARTS: Readonly<Record<GatewayName, number>> = { haproxy: 6, envoy: 3, nginx: 3 }
const SHARE_OF_CAPACITY = 0.7
const CAPACITY_SECONDS = 3
const CAPACITY_CLIENTS = 8
/** As the compose file sets it. */
const DRAIN_DELAY_MS = 5000
/** Until a gateway has seen a restarted replica pass two checks. */
const NOTICED_MS = 3000
const BODY = JSON.stringify({ pairs: Array.from({ length: 16 }, (_, i) => ({ x: `On day ${i} of the journey the weather`, y: ' was better than expected.' })) })

interface Outcome {
  readonly sent: number
  readonly restarts: number
  /** Requests per second. */
  readonly rate: number
  /** Statuses other than 200, and errors of connections, with their numbers. */
  readonly failures: ReadonlyMap<string, number>
}

/** 'ok', the status, or the kind of the connection's error. */
async function ask(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/v1/logprob`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY })
    const text = await response.text()
    return response.status === 200 && text.includes('"conditional"') ? 'ok' : String(response.status)
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    return (cause as { code?: string } | undefined)?.code ?? String(error)
  }
}

/** Requests per second of clients that each send one request after another. */
async function capacityOf(url: string): Promise<number> {
  const until = performance.now() + CAPACITY_SECONDS * 1000
  let answered = 0
  const client = async (): Promise<void> => {
    while (performance.now() < until) if ((await ask(url)) === 'ok') answered++
  }
  await Promise.all(Array.from({ length: CAPACITY_CLIENTS }, client))
  return answered / CAPACITY_SECONDS
}

/** Sends at a fixed rate, whatever is answered, until it is stopped. */
function startOpenLoop(url: string, rate: number): () => Promise<Pick<Outcome, 'sent' | 'failures'>> {
  const pending = new Set<Promise<void>>()
  const failures = new Map<string, number>()
  let sent = 0
  const startedAtMs = performance.now()
  const timer = setInterval(() => {
    for (const due = ((performance.now() - startedAtMs) / 1000) * rate; sent < due; sent++) {
      const request = ask(url).then((outcome) => {
        if (outcome !== 'ok') failures.set(outcome, (failures.get(outcome) ?? 0) + 1)
        pending.delete(request)
      })
      pending.add(request)
    }
  }, 10)
  return async () => {
    clearInterval(timer)
    await Promise.all(pending)
    return { sent, failures }
  }
}

async function restartBehind(name: GatewayName, restarts: number): Promise<Outcome> {
  const ports = await freePorts(4)
  const replicas = [0, 2].map((i) => ({ port: ports[i] ?? 0, managementPort: ports[i + 1] ?? 0 }))
  const start = ({ port, managementPort }: { port: number; managementPort: number }): Promise<RunningService> =>
    startService({
      LOGPR_PORT: String(port),
      // HAProxy checks the same port on both replicas, which share a machine here.
      LOGPR_MANAGEMENT_PORT: name === 'envoy' ? String(managementPort) : '0',
      LOGPR_THREADS: '1',
      LOGPR_DRAIN_DELAY_MS: String(DRAIN_DELAY_MS)
    })
  const services = await Promise.all(replicas.map(start))
  try {
    const [a, b] = replicas
    if (a === undefined || b === undefined) throw new Error('two replicas are needed')
    const gateway = await startGateway(name, [a, b])
    try {
      const rate = SHARE_OF_CAPACITY * (await capacityOf(gateway.url))
      const stop = startOpenLoop(gateway.url, rate)
      for (let restart = 0; restart < restarts; restart++) {
        const index = restart % 2
        const replica = index === 0 ? a : b
        await services[index]?.stop()
        services[index] = await start(replica)
        await pause(NOTICED_MS)
      }
      return { ...(await stop()), restarts, rate }
    } finally {
      await gateway.stop()
    }
  } finally {
    await Promise.all(services.map((service) => service.stop()))
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'E1',
    claim: 'A rolling restart behind a gateway fails no request.',
    target: 'restarts under 0.7 of the capacity, through each gateway of deploy/: 0 answers but 200, 0 resets',
    async measure() {
      const reports: string[] = []
      let isKept = true
      for (const name of GATEWAYS) {
        if (!isInstalled(name)) {
          reports.push(`${name} not installed, not measured`)
          continue
        }
        const { sent, restarts, rate, failures } = await restartBehind(name, RESTARTS[name])
        const failed = [...failures].map(([kind, count]) => `${count} x ${kind}`).join(', ')
        if (failures.size > 0 || sent < 100) isKept = false
        reports.push(`${name}: ${restarts} restarts, ${sent} requests at ${rate.toFixed(0)}/s, ${failed === '' ? '0 failed' : `failed: ${failed}`}`)
      }
      if (reports.every((report) => report.includes('not measured'))) isKept = false
      return { isKept, measured: reports.join('; ') }
    }
  }
]
