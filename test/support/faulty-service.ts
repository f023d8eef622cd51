import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import type { PlantedFault } from './engine-fault-preload.ts'
import { present } from './present.ts'
import { pause, type RunningService, startService } from './running-service.ts'

const PRELOAD = join(PACKAGE_FOLDER, 'dist', 'test', 'support', 'engine-fault-preload.js')

/** A text whose last token occurs in no other text of the tests. */
export const KILLER = ' §'

export interface FaultyService extends RunningService {
  /** From now on, a batch with a token of `KILLER` ends or blocks the engine process; `start`: every start fails. */
  plant(how: PlantedFault['how']): void
  restarts(): Promise<number>
}

/** A service whose engine process the test can make fail (engine-fault-preload.ts). */
export async function startFaultyService(env: Readonly<Record<string, string>> = {}): Promise<FaultyService> {
  const file = join(mkdtempSync(join(tmpdir(), 'logpr-fault-')), 'fault.json')
  writeFileSync(file, JSON.stringify({ killer: -1, how: 'SIGSEGV' } satisfies PlantedFault))
  const service = await startService({ NODE_OPTIONS: `--import=${PRELOAD}`, FAULT_FILE: file, ...env })
  const { tokens } = (await (await service.post('/tokenize', { prompt: KILLER, add_special_tokens: false })).json()) as { tokens: number[] }
  const killer = present(tokens.at(-1))
  return {
    ...service,
    plant: (how) => writeFileSync(file, JSON.stringify({ killer, how } satisfies PlantedFault)),
    restarts: () => metricOf(service, 'logpr_engine_restarts')
  }
}

/** The value of a metric of the only model. */
export async function metricOf(service: RunningService, name: string): Promise<number> {
  const text = await (await fetch(`${service.managementUrl}/metrics`)).text()
  return Number(present(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]))
}

export interface LoadReport {
  /** Responses by status; `network` for a connection that failed. */
  readonly statuses: Readonly<Record<string, number>>
}

/** `clients` that send requests with new texts without pause, until the returned function is called. */
export function startLoad(service: RunningService, clients: number, bodyOf: (n: number) => object): () => Promise<LoadReport> {
  const statuses: Record<string, number> = {}
  let isOver = false
  let sent = 0
  const running = Array.from({ length: clients }, async () => {
    while (!isOver) {
      const status = await service.post('/v1/logprob', bodyOf(sent++)).then(
        async (response) => {
          await response.arrayBuffer()
          return String(response.status)
        },
        () => 'network'
      )
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status === 'network') await pause(50)
    }
  })
  return async () => {
    isOver = true
    await Promise.all(running)
    return { statuses }
  }
}

/** `200: 5312` of a report, or `none`. */
export function statusLine({ statuses }: LoadReport): string {
  const parts = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`)
  return parts.length === 0 ? 'none' : parts.join(', ')
}

/** Seconds from now until `/readyz` has the status; infinite after `limitS`. */
export async function secondsUntil(service: RunningService, status: number, limitS: number): Promise<number> {
  const startedAtMs = performance.now()
  const seconds = (): number => (performance.now() - startedAtMs) / 1000
  while (seconds() < limitS) {
    const found = await fetch(`${service.managementUrl}/readyz`).then(
      (response) => response.status,
      () => 0
    )
    if (found === status) return seconds()
    await pause(50)
  }
  return Number.POSITIVE_INFINITY
}
