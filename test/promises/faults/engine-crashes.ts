import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { KILLER, secondsUntil, startFaultyService, startLoad, statusLine } from '../../support/faulty-service.ts'
import { logprobBody, problemBody } from '../../support/logprob-body.ts'
import { present } from '../../support/present.ts'
import { childPids, isRunning, pause, startListening, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const KILLS = 100
/** On a busy machine each restart takes many seconds; what was measured states how many there were. */
const BUDGET_MS = 180_000
const KINDS = ['SIGKILL', 'SIGSEGV', 'SIGBUS', 'SIGUSR2', 'SIGWINCH'] as const
const PAIRS = 1000
const FRONT_KILLS = 10

/** Requests with a text of their own each. */
const bodyOf = (n: number): object => ({ x: `The ${n} children ran down to the`, y: [' river', ' seventeen'] })

async function crashes(): Promise<Measured> {
  // Idle connections close soon, so that they do not count as open files.
  const service = await startFaultyService({ LOGPR_KEEP_ALIVE_TIMEOUT_MS: '1000' })
  const front = present(service.process.pid)
  const fdsBefore = openFiles(front)
  const stopLoad = startLoad(service, 16, bodyOf)
  const readyAgainS: number[] = []
  const endAtMs = performance.now() + BUDGET_MS
  for (let kill = 0; kill < KILLS && performance.now() < endAtMs; kill++) {
    await pause(150 + 20 * (kill % 10))
    const restarts = await service.restarts()
    process.kill(service.enginePid(), KINDS[kill % KINDS.length])
    const startedAtMs = performance.now()
    while ((await service.restarts()) === restarts) await pause(10)
    await secondsUntil(service, 200, 60)
    readyAgainS.push((performance.now() - startedAtMs) / 1000)
  }
  const report = await stopLoad()
  const kills = readyAgainS.length
  await pause(5000)
  const restarts = await service.restarts()
  const fds = openFiles(front) - fdsBefore
  const zombies = childPids(front).filter(isZombie).length
  const isUp = isRunning(front) && (await service.get('/livez')).status === 200
  await service.stop()
  const failed = Object.keys(report.statuses).filter((status) => status !== '200').length
  return {
    isKept: isUp && restarts === kills && kills >= KILLS / 10 && failed === 0 && zombies === 0 && fds <= 5,
    measured: `${kills} crashes (SIGKILL, SIGSEGV, SIGBUS, exit, heap exhausted) under 16 clients: the front stayed up, ${restarts} restarts, responses ${statusLine(report)}; ready again after ${median(readyAgainS).toFixed(1)} s (median), ${Math.max(...readyAgainS).toFixed(1)} s (worst); ${zombies} zombies, ${fds} more open files`
  }
}

async function poison(): Promise<Measured> {
  const service = await startFaultyService()
  service.plant('SIGSEGV')
  const pairs = Array.from({ length: PAIRS }, (_, i) => ({ x: `Pair ${i} says`, y: i === 617 ? `${KILLER} no` : ' yes or no' }))
  const first = await logprobBody(await service.post('/v1/logprob', { pairs }))
  const failures = first.results.filter(({ error }) => error !== undefined)
  const restarts = await service.restarts()

  const again = await service.post('/v1/logprob', { pairs: [pairs[617]] })
  const { code } = await problemBody(again)
  const second = await logprobBody(await service.post('/v1/logprob', { pairs }))
  const failedAgain = second.results.filter(({ error }) => error !== undefined)
  const laterRestarts = (await service.restarts()) - restarts
  await service.stop()
  const isOnlyPoison = [failures, failedAgain].every((failed) => failed.length === 1 && failed[0]?.index === 617 && failed[0].error?.code === 'poison_request')
  return {
    isKept: isOnlyPoison && restarts <= 3 && laterRestarts === 0 && code === 'poison_request' && again.headers.get('x-should-retry') === 'false',
    measured: `1 killer among ${PAIRS} pairs: ${failures.length} failed (${failures.map(({ error }) => error?.code).join()}), ${first.results.length - failures.length} scored, ${restarts} restarts; sent again alone: ${again.status} ${code}, x-should-retry ${again.headers.get('x-should-retry')}; all sent again: ${failedAgain.length} failed; ${laterRestarts} further restarts`
  }
}

async function crashLoop(): Promise<Measured> {
  const service = await startFaultyService()
  // A process that has scored nothing counts as a failed start itself.
  await service.post('/v1/logprob', bodyOf(0))
  service.plant('start')
  const exited = once(service.process, 'exit') as Promise<[number | null]>
  process.kill(service.enginePid(), 'SIGKILL')
  const startedAtMs = performance.now()
  const [code] = await exited
  const seconds = (performance.now() - startedAtMs) / 1000
  const ended = service.log.filter((line) => line.includes('engine process ended; starting another')).length
  const reason = service.log.find((line) => line.includes('has failed for good'))
  return {
    isKept: code === 20 && ended === 6 && reason !== undefined && seconds < 30,
    measured: `an engine that ends at each start: ${ended - 1} failed starts, then the service logged why and exited with code ${code}, ${seconds.toFixed(1)} s after the first end`
  }
}

async function orphans(): Promise<Measured> {
  let slowestS = 0
  let left = 0
  for (let kill = 0; kill < FRONT_KILLS; kill++) {
    const isLoading = kill % 2 === 0
    const service = isLoading ? await startListening({}) : await startService()
    const stopLoad = isLoading ? undefined : startLoad(service, 4, bodyOf)
    await pause(isLoading ? 80 * kill : 150)
    const engines = childPids(present(service.process.pid))
    service.process.kill('SIGKILL')
    await once(service.process, 'exit')
    const startedAtMs = performance.now()
    while (engines.some(isRunning) && performance.now() - startedAtMs < 5000) await pause(20)
    slowestS = Math.max(slowestS, (performance.now() - startedAtMs) / 1000)
    left += engines.filter(isRunning).length
    await stopLoad?.()
  }
  return {
    isKept: left === 0,
    measured: `SIGKILL of the front ${FRONT_KILLS} times, half of them while the model loads and half under load: ${left} engine processes left after 5 s, the last one ended after ${slowestS.toFixed(2)} s`
  }
}

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

function isZombie(pid: number): boolean {
  return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'D1',
    claim: 'A crash of an engine process fails no request: it is replaced and its batch runs again.',
    target: `the front stays up through up to ${KILLS} crashes; 0 responses other than 200; 0 zombies; no open files left`,
    measure: crashes
  },
  {
    id: 'D3',
    claim: 'A request that crashes the engine fails alone and is refused without a crash when it is sent again.',
    target: 'exactly 1 of 1,000 fails, with poison_request; at most 2 + log2(batch) restarts, 0 when sent again',
    measure: poison
  },
  {
    id: 'D4',
    claim: 'An engine that cannot start ends the service with a reason instead of starting for ever.',
    target: '5 failed starts with growing pauses, then exit code 20',
    measure: crashLoop
  },
  {
    id: 'D5',
    claim: 'No engine process outlives a killed front process.',
    target: '0 engine processes 5 s after SIGKILL of the front',
    measure: orphans
  }
]
