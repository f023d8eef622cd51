import { execFileSync } from 'node:child_process'
import { openSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { startFaultyService } from '../../support/faulty-service.ts'
import { present } from '../../support/present.ts'
import { childPids, pause } from '../../support/running-service.ts'
import { startWrapped, type WrappedService } from '../../support/wrapped-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const BODY = { x: 'The children ran down to the', y: ' river' }
/** Their log lines are several times as long as a pipe. */
const FAILING_REQUESTS = 800
const CONNECTIONS = 300

interface Found {
  readonly isKept: boolean
  readonly what: string
}

const isScoring = async (service: Pick<WrappedService, 'post'>): Promise<boolean> => (await service.post('/v1/logprob', BODY)).status === 200

/** Each logs one line, because a deadline that passes is an error of the service. */
async function fillLog(service: WrappedService): Promise<void> {
  for (let sent = 0; sent < FAILING_REQUESTS; sent += 50)
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const late = { headers: { 'x-request-timeout-ms': '1' } }
        await (await service.post('/v1/logprob', { ...BODY, y: ` ${sent + i}` }, late)).arrayBuffer()
      })
    )
}

/** Scores and stops under a log that cannot be written. */
async function survives(what: string, service: WrappedService, breakLog: () => void = () => {}): Promise<Found> {
  await service.untilReady()
  breakLog()
  await fillLog(service)
  const scores = await isScoring(service)
  const { code, seconds } = await service.stop()
  return { isKept: scores && code === 0 && seconds < 10, what: `${what}: ${scores ? 'scores' : 'FAILS'}, exit code ${code} after ${seconds.toFixed(1)} s` }
}

async function brokenLogs(): Promise<Found[]> {
  const full = await startWrapped([], { log: openSync('/dev/full', 'w') })
  const blocked = await startWrapped([])
  const closed = await startWrapped([])
  return [
    await survives('log on a full disk', full),
    await survives('log pipe that nobody reads', blocked),
    await survives('log pipe that was closed', closed, () => closed.log?.destroy())
  ]
}

/** No file can be written anywhere, or the temporary folder is full. */
async function brokenDisks(): Promise<Found[]> {
  if (process.getuid?.() !== 0) return [{ isKept: false, what: 'a full disk and a read-only system were not measured, which needs root' }]
  const surroundings = {
    'read-only file system': 'mount -o remount,bind,ro / && exec "$@"',
    'full temporary folder': 'mount -t tmpfs -o size=64k none /mnt && { dd if=/dev/zero of=/mnt/full 2>/dev/null; TMPDIR=/mnt exec "$@"; }'
  }
  const found: Found[] = []
  for (const [what, script] of Object.entries(surroundings)) {
    // With replicas, the service wants to write the weights that they share.
    const service = await startWrapped(['unshare', '--mount', 'sh', '-c', script, '-'], { env: { LOGPR_REPLICAS: '2' } })
    service.log?.resume()
    await service.untilReady()
    const scores = await isScoring(service)
    const { code } = await service.stop()
    found.push({ isKept: scores && code === 0, what: `${what}: ${scores ? 'scores' : 'FAILS'}, exit code ${code}` })
  }
  return found
}

/** More connections than the process may open files, then a new engine process, then normal again. */
async function noDescriptors(): Promise<Found> {
  const service = await startWrapped(['prlimit', '--nofile=128:128'])
  service.log?.resume()
  await service.untilReady()
  const { hostname, port } = new URL(service.url)
  const sockets: Socket[] = Array.from({ length: CONNECTIONS }, () => connect(Number(port), hostname).on('error', () => {}))
  await pause(2000)
  process.kill(present(childPids(service.pid)[0]), 'SIGKILL')
  await pause(1000)
  for (const socket of sockets) socket.destroy()
  const readyS = await service.untilReady().catch(() => Number.POSITIVE_INFINITY)
  const scores = service.process.exitCode === null && (await isScoring(service))
  const { code } = await service.stop()
  return {
    isKept: scores && code === 0,
    what: `${CONNECTIONS} connections and an engine crash with 128 file descriptors: ${scores ? `scores again ${readyS.toFixed(1)} s after they closed` : 'FAILS'}, exit code ${code}`
  }
}

/** The clock of the day jumps while a request waits for its deadline. */
async function clockJumps(): Promise<Found> {
  const service = await startFaultyService()
  const waited: number[] = []
  for (const jump of ['SIGWINCH', 'SIGURG'] as const) {
    const engine = service.enginePid()
    process.kill(engine, 'SIGSTOP')
    const startedAtMs = performance.now()
    const late = service.post('/v1/logprob', { ...BODY, y: ` ${jump}` }, { headers: { 'x-request-timeout-ms': '1500' } })
    await pause(300)
    service.process.kill(jump)
    const { status } = await late
    waited.push(status === 504 ? (performance.now() - startedAtMs) / 1000 : Number.NaN)
    process.kill(engine, 'SIGCONT')
    await pause(500)
  }
  const scores = await isScoring(service)
  await service.stop()
  const readers = sourcesReadingTheDate()
  return {
    isKept: scores && readers.length === 0 && waited.every((seconds) => Math.abs(seconds - 1.4) < 0.4),
    what: `clock of the day +1 h and -1 h during a deadline of 1.5 s: answered with 504 after ${waited.map((seconds) => seconds.toFixed(2)).join(' and ')} s; ${readers.length} files of src/ read the date for a timer`
  }
}

/** Files of src/ that read the date for a reason: to compare it with times of files, with a header, or to show it. */
const DATE_READERS = [
  'src/engine/process/prepacked/prepacked-weights.ts',
  'src/hub/file-lock.ts',
  'src/hub/response-error.ts',
  'src/http/routes/completions.ts',
  'src/jinja/template.ts',
  'src/model/precision/rounded-file.ts',
  'src/observability/log-destination.ts',
  'src/observability/traced-queue.ts',
  'src/serving/ready-backend.ts'
]

/** Other files must use a clock that never jumps. */
function sourcesReadingTheDate(): string[] {
  const found = execFileSync('grep', ['-rlE', 'Date\\.now|new Date\\(', 'src'], { cwd: PACKAGE_FOLDER, encoding: 'utf8' }).trim().split('\n')
  return found.filter((file) => !DATE_READERS.includes(file))
}

async function measure(): Promise<Measured> {
  const found = [...(await brokenLogs()), ...(await brokenDisks()), await noDescriptors(), await clockJumps()]
  return { isKept: found.every(({ isKept }) => isKept), measured: found.map(({ what }) => what).join('; ') }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'D7',
    claim: 'Full disks, read-only disks, broken logs, missing file descriptors and jumps of the clock do not end the service.',
    target: 'it scores, or scores again once the cause is gone, and stops with exit code 0; deadlines keep their time',
    measure
  }
]
