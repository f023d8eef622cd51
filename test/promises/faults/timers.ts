import { once } from 'node:events'
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OPTIONS } from '../../../src/config/options.ts'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { metricOf, secondsUntil } from '../../support/faulty-service.ts'
import { touch } from '../../support/file-changes.ts'
import { present } from '../../support/present.ts'
import { childPids, endOfStart, pause, type RunningService, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const BODY = { x: 'The children ran down to the', y: ' river' }
/** Keeps the heartbeat out of the effects of other timers. */
const NO_HEARTBEAT = { LOGPR_HEARTBEAT_TIMEOUT_MS: '600000' }

interface Effect {
  readonly env: Readonly<Record<string, string>>
  /** Seconds after which the timer took effect. */
  readonly takes: (service: RunningService) => Promise<number>
  /** Between these numbers of seconds. */
  readonly within: readonly [number, number]
}

async function clocked(event: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now()
  await event()
  return (performance.now() - startedAtMs) / 1000
}

/** Until the service closes a connection on which `sent` was sent. */
async function untilClosed(service: RunningService, sent: string): Promise<number> {
  const { port } = new URL(service.url)
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(sent)
  socket.resume()
  return clocked(() => once(socket, 'close'))
}

/** Until the service closes a connection whose client asks for more than the system buffers, and reads nothing. */
async function untilUnreadIsClosed(service: RunningService): Promise<number> {
  const { port } = new URL(service.url)
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => {})
  // More than the buffers of the system take, in as few requests as one connection may have open.
  socket.write('GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(14))
  await pause(300)
  // The system keeps what was sent for the client, so only the state of the other end shows that it was closed.
  const ends = [Number(port), present(socket.localPort)].map((end) => end.toString(16).toUpperCase().padStart(4, '0'))
  const established = new RegExp(`:${ends[0]} [0-9A-F]{8}:${ends[1]} 01 `)
  const isOpen = (): boolean => established.test(readFileSync('/proc/net/tcp', 'utf8'))
  const seconds = await clocked(async () => {
    while (isOpen()) await pause(50)
  })
  socket.destroy()
  return seconds
}

async function untilRestart(service: RunningService): Promise<number> {
  return clocked(async () => {
    for (const deadline = performance.now() + 20_000; performance.now() < deadline; await pause(20))
      if ((await metricOf(service, 'logpr_engine_restarts')) > 0) return
  })
}

function stopEngine(service: RunningService): void {
  process.kill(service.enginePid(), 'SIGSTOP')
}

const GET = 'GET /livez HTTP/1.1\r\nhost: a\r\n'
const MODEL = join(tmpdir(), `logpr-timers-${process.pid}`)

/** What a tiny value of each timer does. */
const EFFECTS: Readonly<Record<string, Effect>> = {
  DEADLINE_MS: {
    env: { LOGPR_DEADLINE_MS: '1000', LOGPR_BATCH_TIMEOUT_MS: '1000', ...NO_HEARTBEAT },
    async takes(service) {
      stopEngine(service)
      return clocked(async () => {
        if ((await service.post('/v1/logprob', BODY)).status !== 504) await pause(60_000)
      })
    },
    within: [0.7, 2]
  },
  BATCH_TIMEOUT_MS: {
    env: { LOGPR_BATCH_TIMEOUT_MS: '1000', ...NO_HEARTBEAT },
    async takes(service) {
      stopEngine(service)
      void service.post('/v1/logprob', BODY).catch(() => {})
      return untilRestart(service)
    },
    within: [0.9, 3]
  },
  HEARTBEAT_TIMEOUT_MS: {
    env: { LOGPR_HEARTBEAT_TIMEOUT_MS: '1000' },
    async takes(service) {
      stopEngine(service)
      return untilRestart(service)
    },
    within: [0.5, 3]
  },
  START_TIMEOUT_MS: {
    env: { LOGPR_START_TIMEOUT_MS: '5000', LOGPR_HEARTBEAT_TIMEOUT_MS: '5000' },
    async takes(service) {
      const engine = service.enginePid()
      process.kill(engine, 'SIGKILL')
      const next = (): number | undefined => childPids(present(service.process.pid)).find((pid) => pid !== engine)
      while (next() === undefined) await pause(1)
      process.kill(present(next()), 'SIGSTOP')
      return clocked(async () => {
        while (!service.log.some((line) => line.includes('engine was not ready in time'))) await pause(20)
      })
    },
    within: [4.5, 8]
  },
  CANARY_INTERVAL_MS: {
    env: { LOGPR_CANARY_INTERVAL_MS: '200' },
    async takes(service) {
      const batches = (): Promise<number> => metricOf(service, 'logpr_batch_seconds_count')
      const before = await batches()
      return clocked(async () => {
        while ((await batches()) < before + 3) await pause(20)
      })
    },
    within: [0.2, 3]
  },
  MODEL_FILES_INTERVAL_MS: {
    env: { LOGPR_MODEL_FILES_INTERVAL_MS: '200', LOGPR_MODEL: MODEL },
    async takes(service) {
      touch(join(MODEL, 'model.onnx'))
      return untilRestart(service)
    },
    within: [0, 3]
  },
  HEADERS_TIMEOUT_MS: { env: { LOGPR_HEADERS_TIMEOUT_MS: '500' }, takes: (service) => untilClosed(service, GET), within: [0.4, 4] },
  BODY_TIMEOUT_MS: {
    env: { LOGPR_HEADERS_TIMEOUT_MS: '500', LOGPR_BODY_TIMEOUT_MS: '1500' },
    takes: (service) => untilClosed(service, 'POST /v1/logprob HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{'),
    within: [1.4, 5]
  },
  WRITE_TIMEOUT_MS: { env: { LOGPR_WRITE_TIMEOUT_MS: '1000' }, takes: untilUnreadIsClosed, within: [0.9, 10] },
  KEEP_ALIVE_TIMEOUT_MS: { env: { LOGPR_KEEP_ALIVE_TIMEOUT_MS: '1000' }, takes: (service) => untilClosed(service, `${GET}\r\n`), within: [0.9, 4] },
  DRAIN_DELAY_MS: {
    env: { LOGPR_DRAIN_DELAY_MS: '1500' },
    async takes(service) {
      service.process.kill('SIGTERM')
      await secondsUntil(service, 503, 5)
      return clocked(() => once(service.process, 'exit'))
    },
    within: [1, 4]
  }
}

/** Settings that contradict each other, and what the refusal says. */
const INEQUALITIES: Readonly<Record<string, { readonly env: Readonly<Record<string, string>>; readonly says: RegExp }>> = {
  'HEADERS_TIMEOUT_MS <= BODY_TIMEOUT_MS': { env: { LOGPR_HEADERS_TIMEOUT_MS: '2000', LOGPR_BODY_TIMEOUT_MS: '1000' }, says: /HEADERS_TIMEOUT_MS must not be/ },
  'BATCH_TIMEOUT_MS <= DEADLINE_MS': { env: { LOGPR_BATCH_TIMEOUT_MS: '2000', LOGPR_DEADLINE_MS: '1000' }, says: /BATCH_TIMEOUT_MS must not be/ },
  'HEARTBEAT_TIMEOUT_MS <= START_TIMEOUT_MS': {
    env: { LOGPR_HEARTBEAT_TIMEOUT_MS: '2000', LOGPR_START_TIMEOUT_MS: '1000' },
    says: /HEARTBEAT_TIMEOUT_MS must not be/
  }
}

async function measure(): Promise<Measured> {
  const timers = Object.keys(OPTIONS).filter((name) => name.endsWith('_MS'))
  const untested = timers.filter((name) => EFFECTS[name] === undefined)
  let isKept = untested.length === 0
  const lines: string[] = []
  for (const [name, { env, takes, within }] of Object.entries(EFFECTS)) {
    if (name === 'MODEL_FILES_INTERVAL_MS') cpSync(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'), MODEL, { recursive: true })
    const service = await startService(env)
    const seconds = await Promise.race([takes(service), pause(30_000).then(() => Number.POSITIVE_INFINITY)])
    service.process.kill('SIGKILL')
    isKept &&= seconds >= within[0] && seconds <= within[1]
    lines.push(`${name} ${seconds.toFixed(1)} s`)
  }
  rmSync(MODEL, { recursive: true, force: true })
  const refused: string[] = []
  for (const [name, { env, says }] of Object.entries(INEQUALITIES)) {
    const { code, output } = await endOfStart(env)
    if (code === 2 && says.test(output)) refused.push(name)
    else isKept = false
  }
  const missing = untested.length === 0 ? '' : `; NOT MEASURED: ${untested.join(', ')}`
  return {
    isKept,
    measured: `${lines.length} timers of ${timers.length} options with small values took effect after: ${lines.join(', ')}${missing}; refused at the start, unless ${refused.join(', ')}`
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'C4',
    claim: 'Every timer is an option that takes effect, and contradicting timers are refused at the start.',
    target: 'each option that ends in _MS has the effect it names at a small value; each inequality ends the start with exit code 2',
    measure
  }
]
