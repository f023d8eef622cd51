import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { present } from '../../support/present.ts'
import { pause, type RunningService, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'
import type { SlowClientFigures } from '../support/slow-client-thread.ts'

const ATTACK_SECONDS = 12
const TIMEOUT_MS = 5000
const BODY = { x: 'The children ran down to the', y: ' river' }

function p99(durationsMs: readonly number[]): number {
  const sorted = [...durationsMs].sort((a, b) => a - b)
  return present(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))])
}

/** Durations of requests of an honest client, one after another, for some seconds; a failed one counts as infinite. */
async function honestTraffic(service: RunningService, seconds: number): Promise<number[]> {
  const durationsMs: number[] = []
  for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs; ) {
    const startMs = performance.now()
    const status = await service.post('/v1/logprob', BODY).then(
      async (response) => (await response.arrayBuffer()) && response.status,
      () => 0
    )
    durationsMs.push(status === 200 ? performance.now() - startMs : Number.POSITIVE_INFINITY)
    await pause(5)
  }
  return durationsMs
}

function openSockets(pid: number): number {
  return Number(/sockets: used (\d+)/.exec(readFileSync(`/proc/${pid}/net/sockstat`, 'utf8'))?.[1])
}

async function measure(): Promise<Measured> {
  const service = await startService({
    LOGPR_HEADERS_TIMEOUT_MS: String(TIMEOUT_MS),
    LOGPR_BODY_TIMEOUT_MS: String(TIMEOUT_MS),
    LOGPR_WRITE_TIMEOUT_MS: String(TIMEOUT_MS)
  })
  try {
    await honestTraffic(service, 2)
    const alone = await honestTraffic(service, 8)
    const usedBefore = openSockets(present(service.process.pid))
    const attack = new Worker(new URL('../support/slow-client-thread.js', import.meta.url), { workerData: service.url })
    const beside = await honestTraffic(service, ATTACK_SECONDS)
    const used = openSockets(present(service.process.pid)) - usedBefore
    attack.postMessage('end')
    const [{ stillOpen, timedOutAfterMs: timedOut }] = (await once(attack, 'message')) as [SlowClientFigures]
    const failed = beside.filter((ms) => !Number.isFinite(ms)).length
    const ratio = p99(beside) / p99(alone)
    const last408Ms = Math.max(...timedOut)
    return {
      isKept: failed === 0 && ratio <= 1.1 && last408Ms <= TIMEOUT_MS + 3000,
      measured: `2,000 sockets (1,000 slowloris, 500 slow POST, 500 slow readers) from two addresses: ${failed} of ${beside.length} requests of an honest client failed, p99 ${p99(alone).toFixed(1)} ms alone and ${p99(beside).toFixed(1)} ms beside (${ratio.toFixed(2)} times); ${timedOut.length} got 408, the last after ${(last408Ms / 1000).toFixed(1)} s with limits of ${TIMEOUT_MS / 1000} s; ${stillOpen} of 2,000 not yet closed by the client's side after ${ATTACK_SECONDS} s, ${used} sockets more in the system`
    }
  } finally {
    await service.stop()
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'C3',
    claim: 'Slow senders and slow readers cannot occupy the service',
    target: '2,000 sockets: 408 within the limit and its check interval, honest p99 at most 10 % higher, sockets bounded',
    measure
  }
]
