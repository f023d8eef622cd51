import { extname } from 'node:path'
import { pause, type RunningService, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'
import { type ProcessUsage, usageOf } from '../support/process-usage.ts'
import { soakTraffic, type Traffic } from '../support/soak-traffic.ts'

const DEFAULT_MINUTES = 10
/** The control needs requests, not time: a leak of 1 KB per request shows after some thousand. */
const CONTROL_MINUTES = 2
const CLIENTS = 8
const MIB = 2 ** 20
/** Small, so that the caches are full before the first half is over. */
const CACHE_BYTES = String(8 * MIB)
/** For connections of killed clients to end, and for a collection. */
const SETTLE_MS = 3000

const RESIDENT_GROWTH_LIMIT_BYTES = 32 * MIB
/** Half of what the control leaks. */
const HEAP_GROWTH_LIMIT_BYTES = 512
/** Descriptors, threads and handles of connections that come and go. */
const COUNT_LIMIT = 8
const P99_DRIFT_LIMIT = 0.5

/** What the idle service holds after a collection. */
interface Held {
  readonly front: ProcessUsage
  readonly engine: ProcessUsage
  readonly heapBytes: number
  readonly handles: number
}

interface Soak {
  /** After the first half and at the end. */
  readonly half: Held
  readonly end: Held
  readonly first: Traffic
  readonly second: Traffic
}

async function soak(minutes: number, env: Readonly<Record<string, string>> = {}): Promise<Soak> {
  const preload = new URL(`../support/soak-preload${extname(import.meta.url)}`, import.meta.url)
  const service = await startService({
    LOGPR_PREFIX_CACHE_BYTES: CACHE_BYTES,
    LOGPR_RESULT_CACHE_BYTES: CACHE_BYTES,
    NODE_OPTIONS: `--import ${preload.href}`,
    ...env
  })
  const halfMs = 30_000 * minutes
  try {
    const first = await soakTraffic(service, CLIENTS, performance.now() + halfMs)
    const half = await heldBy(service)
    const second = await soakTraffic(service, CLIENTS, performance.now() + halfMs)
    return { first, half, second, end: await heldBy(service) }
  } finally {
    await service.stop()
  }
}

async function heldBy(service: RunningService): Promise<Held> {
  const [front, engine] = [service.process.pid ?? 0, service.enginePid()]
  await pause(SETTLE_MS)
  for (const pid of [front, engine]) process.kill(pid, 'SIGCONT')
  await pause(SETTLE_MS)
  const metrics = await (await fetch(`${service.managementUrl}/metrics`)).text()
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1])
  return {
    front: usageOf(front),
    engine: usageOf(engine),
    heapBytes: value('logpr_nodejs_heap_size_used_bytes'),
    handles: value('logpr_nodejs_active_handles_total')
  }
}

interface Growth {
  readonly frontBytes: number
  readonly engineBytes: number
  readonly heapBytesPerRequest: number
  readonly descriptors: number
  readonly threads: number
  readonly handles: number
}

/** From the middle of a soak to its end. */
function growthOf({ half, end, second }: Soak): Growth {
  const between = (pick: (held: Held) => number): number => pick(end) - pick(half)
  return {
    frontBytes: between(({ front }) => front.residentBytes),
    engineBytes: between(({ engine }) => engine.residentBytes),
    heapBytesPerRequest: between(({ heapBytes }) => heapBytes) / requestsOf(second),
    descriptors: between(({ front, engine }) => front.descriptors + engine.descriptors),
    threads: between(({ front, engine }) => front.threads + engine.threads),
    handles: between(({ handles }) => handles)
  }
}

function leaks({ frontBytes, engineBytes, heapBytesPerRequest }: Growth): boolean {
  return Math.max(frontBytes, engineBytes) > RESIDENT_GROWTH_LIMIT_BYTES || heapBytesPerRequest > HEAP_GROWTH_LIMIT_BYTES
}

function requestsOf({ counts }: Traffic): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

function p99MsOf({ latenciesMs }: Traffic): number {
  return [...latenciesMs].sort((a, b) => a - b)[Math.floor(0.99 * latenciesMs.length)] ?? Number.NaN
}

async function measure(): Promise<Measured> {
  const minutes = Number(process.env.LOGPR_SOAK_MINUTES ?? DEFAULT_MINUTES)
  const control = growthOf(await soak(Math.min(minutes, CONTROL_MINUTES), { LOGPR_SOAK_LEAK: '1' }))
  const real = await soak(minutes)
  const growth = growthOf(real)
  const [p99Ms, drift] = [p99MsOf(real.second), p99MsOf(real.second) / p99MsOf(real.first) - 1]
  const counts = Math.max(growth.descriptors, growth.threads, growth.handles)
  const unexpected = [real.first, real.second].flatMap((traffic) => [...traffic.unexpected].map(([what, times]) => `${times} x ${what}`))
  return {
    isKept: leaks(control) && !leaks(growth) && counts <= COUNT_LIMIT && drift <= P99_DRIFT_LIMIT && unexpected.length === 0,
    measured:
      `${minutes} minutes, ${requestsOf(real.first) + requestsOf(real.second)} requests of ${CLIENTS} clients, ` +
      `${unexpected.length === 0 ? 'no unexpected answer' : unexpected.join(', ')}. Second half: front ${mebibytes(growth.frontBytes)}, ` +
      `engine ${mebibytes(growth.engineBytes)}, heap ${growth.heapBytesPerRequest.toFixed(0)} B per request; ` +
      `descriptors ${signed(growth.descriptors)}, threads ${signed(growth.threads)}, handles ${signed(growth.handles)}; ` +
      `p99 ${p99Ms.toFixed(0)} ms, ${signed(Math.round(100 * drift))} %. ` +
      `Control: heap ${control.heapBytesPerRequest.toFixed(0)} B per request, ${leaks(control) ? 'reported' : 'NOT reported'}`
  }
}

function mebibytes(bytes: number): string {
  return `${signed(Number((bytes / MIB).toFixed(1)))} MiB`
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value)
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'H1',
    claim: 'A service leaks nothing under a random mix of requests, killed clients, timeouts and bad input.',
    target:
      'second half: resident memory of front and engine at most +32 MiB, heap of the front at most +512 B per request, descriptors, threads and handles at most +8, p99 at most +50 % (5 % needs a machine of its own); a planted leak of 1 KB per request is reported',
    measure
  }
]
