import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { startLoad } from '../../support/faulty-service.ts'
import { present } from '../../support/present.ts'
import { childPids, endOfStart, isRunning, pause, type RunningService, startListening, startService } from '../../support/running-service.ts'
import { startWrapped } from '../../support/wrapped-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const MODEL = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
/** How many of the 100 moments are in each phase. */
const MOMENTS = { starting: 40, process1: 20, idle: 10, overloaded: 20, draining: 10 } as const
/** Of each phase. On a busy machine a start takes many seconds; what was measured states how many there were. */
const BUDGET_MS = 60_000
/** As process 1, Node ignores the signal until it runs the first statement of a program. */
const FIRST_STATEMENT_MS = 1000
const LONGEST_START_MS = 2500

/** Damaged models, by what is wrong with them. */
const DAMAGES: Readonly<Record<string, (folder: string) => void>> = {
  'weights cut short': (folder) => truncateSync(join(folder, 'model.onnx'), 1_000_000),
  'no weights': (folder) => rmSync(join(folder, 'model.onnx')),
  'no tokenizer': (folder) => rmSync(join(folder, 'tokenizer.json')),
  'other weights than canary.json says': (folder) => {
    const file = join(folder, 'model.onnx')
    const bytes = readFileSync(file)
    const at = Math.floor(bytes.length / 2)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(file, bytes)
  },
  'no folder': (folder) => rmSync(folder, { recursive: true })
}

async function startStates(): Promise<Measured> {
  const service = await startListening({})
  let early = 0
  let probes = 0
  while (!service.log.some((line) => line.includes('"engine ready"'))) {
    const { status } = await service.get('/readyz')
    probes++
    // The engine may have become ready between the probe and the look at the log.
    if (status === 200 && !service.log.some((line) => line.includes('"engine ready"'))) early++
    await pause(10)
  }
  await service.untilReady()
  await service.stop()

  const ends: string[] = []
  let isKept = early === 0 && probes > 0
  for (const [damage, apply] of Object.entries(DAMAGES)) {
    const folder = join(tmpdir(), `logpr-damaged-${process.pid}`)
    cpSync(MODEL, folder, { recursive: true })
    apply(folder)
    const { code, output } = await endOfStart({ LOGPR_MODEL: folder })
    const endedAtMs = Date.now()
    rmSync(folder, { recursive: true, force: true })
    // A model that is refused before the log starts is reported on standard error alone.
    const detectedAt = /"level":"fatal","time":"([^"]+)"/.exec(output)?.[1]
    const seconds = detectedAt === undefined ? 0 : (endedAtMs - Date.parse(detectedAt)) / 1000
    isKept &&= code === 2 && seconds <= 5
    ends.push(`${damage}: exit code ${code}${detectedAt === undefined ? '' : ` ${seconds.toFixed(2)} s after the finding`}`)
  }
  return { isKept, measured: `${probes} probes while loading: ${early} answered 200 before the self-test passed; ${ends.join('; ')}` }
}

interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly seconds: number
}

async function terminate(process1: { readonly kill: () => void; readonly ended: Promise<[number | null, NodeJS.Signals | null]> }): Promise<End> {
  const startedAtMs = performance.now()
  process1.kill()
  const [code, signal] = await Promise.race([process1.ended, pause(20_000).then((): [null, null] => [null, null])])
  return { code, signal, seconds: (performance.now() - startedAtMs) / 1000 }
}

function endOf({ process: child }: Pick<RunningService, 'process'>): Promise<End> {
  return terminate({ kill: () => child.kill('SIGTERM'), ended: once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]> })
}

async function whileStarting(afterMs: number): Promise<End> {
  const service = await startWrapped([])
  service.log?.resume()
  await pause(afterMs)
  return endOf(service)
}

async function asProcess1(afterMs: number): Promise<End> {
  const service = await startWrapped(['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'])
  service.log?.resume()
  await pause(afterMs)
  return terminate({
    kill: () => process.kill(service.pid, 'SIGTERM'),
    ended: once(service.process, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  })
}

async function whileServing(clients: number, afterMs: number): Promise<End> {
  const service = await startService()
  const stopLoad = startLoad(service, clients, (n) => ({ x: `Story ${n}: ${'once upon a time '.repeat(20)}`, y: [' it ran', ' it slept'] }))
  await pause(afterMs)
  const end = await endOf(service)
  await stopLoad()
  return end
}

/** A second SIGTERM while requests are still answered ends the service at once. */
async function whileDraining(afterMs: number): Promise<End> {
  const service = await startService({ LOGPR_DRAIN_DELAY_MS: '10000' })
  const engine = present(childPids(present(service.process.pid))[0])
  service.process.kill('SIGTERM')
  await pause(afterMs)
  const end = await endOf(service)
  for (const deadline = Date.now() + 5000; isRunning(engine) && Date.now() < deadline; ) await pause(20)
  return isRunning(engine) ? { ...end, code: null, signal: null } : end
}

async function anyMoment(): Promise<Measured> {
  const isRoot = process.getuid?.() === 0
  const phases: Readonly<Record<keyof typeof MOMENTS, { readonly run: (share: number) => Promise<End>; readonly accepts: (end: End) => boolean }>> = {
    // A signal before the first statement of the program ends a process that is not process 1.
    starting: { run: (share) => whileStarting(share * LONGEST_START_MS), accepts: ({ code, signal }) => code === 0 || signal === 'SIGTERM' },
    process1: { run: (share) => asProcess1(FIRST_STATEMENT_MS + share * LONGEST_START_MS), accepts: ({ code }) => code === 0 },
    idle: { run: (share) => whileServing(0, 300 * share), accepts: ({ code }) => code === 0 },
    overloaded: { run: (share) => whileServing(32, 500 + 1000 * share), accepts: ({ code }) => code === 0 },
    draining: { run: (share) => whileDraining(200 + 1000 * share), accepts: ({ code }) => code === 1 }
  }
  const lines: string[] = []
  let isKept = isRoot
  for (const [phase, count] of Object.entries(MOMENTS) as [keyof typeof MOMENTS, number][]) {
    if (phase === 'process1' && !isRoot) continue
    const { run, accepts } = phases[phase]
    let good = 0
    let all = 0
    let slowestS = 0
    for (const endAtMs = performance.now() + BUDGET_MS; all < count && performance.now() < endAtMs; all++) {
      const end = await run(Math.random())
      if (accepts(end) && end.seconds < 15) good++
      slowestS = Math.max(slowestS, end.seconds)
    }
    isKept &&= good === all
    lines.push(`${phase} ${good} of ${all} (slowest ${slowestS.toFixed(1)} s)`)
  }
  return { isKept, measured: `ended cleanly: ${lines.join(', ')}${isRoot ? '' : '; process 1 was not measured, which needs root'}` }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'E3',
    claim: 'The service is not ready before a forward pass gave the expected scores, and ends when the model is not as it should be.',
    target: '0 probes answered 200 early; a damaged or missing model: exit code 2 within 5 s of the finding',
    measure: startStates
  },
  {
    id: 'E4',
    claim: 'SIGTERM ends the service in every phase, also as process 1 of a container.',
    target: '100 moments (fewer where a minute per phase does not suffice): no hang, exit code 0; 1 for a second signal while draining',
    measure: anyMoment
  }
]
