import { setTimeout as pause } from 'node:timers/promises'
import { type RunningService, startListening } from '../support/running-service.ts'

const START_TIMEOUT_MS = 600_000

/** A result of `POST /v1/logprob` with token details. */
export interface Result {
  readonly error?: { readonly code: string }
  readonly log_prob: { readonly joint: number }
  readonly boundary: { readonly policy: string }
  readonly tokens: readonly {
    readonly part: string
    readonly id: number
    readonly bytes: string
    readonly char_start: number | null
    readonly log_prob: number | null
  }[]
  readonly checks: { readonly verdict: string; readonly items: readonly { readonly id: string; readonly status: string }[] }
}

let failures = 0

/** Prints one line per comparison. */
export function report(what: string, isGood: boolean, found: string): void {
  if (!isGood) failures++
  process.stdout.write(`${isGood ? 'ok    ' : 'FAILED'} ${what}: ${found}\n`)
}

export function hasFailed(): boolean {
  return failures > 0
}

/** Starts the service on a model and waits until its self-test has passed. Reports the seconds. */
export async function startOn(folder: string, settings: Readonly<Record<string, string>>): Promise<RunningService> {
  const beganMs = performance.now()
  const limits = { LOGPR_BATCH_TIMEOUT_MS: '600000', LOGPR_DEADLINE_MS: '600000', LOGPR_START_TIMEOUT_MS: String(START_TIMEOUT_MS) }
  const service = await startListening({ LOGPR_MODEL: folder, ...limits, ...settings })
  while (performance.now() - beganMs < START_TIMEOUT_MS) {
    if (service.process.exitCode !== null) throw new Error(`the service ended: ${service.log.join('\n')}`)
    if ((await fetch(`${service.managementUrl}/readyz`)).ok) {
      const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
      report(`start, self-test included, ${words.join(' ') || 'default settings'}`, true, `${((performance.now() - beganMs) / 1000).toFixed(1)} s`)
      return service
    }
    await pause(500)
  }
  throw new Error('the service was not ready in time')
}

/** Null where a token spans x and y and they cannot be tokenized apart. */
export async function scored(service: RunningService, pairs: readonly { readonly x: string; readonly y: string }[]): Promise<(Result | null)[]> {
  const response = await service.post('/v1/logprob', { pairs, detail: 'tokens' })
  const { results, ...problem } = (await response.json()) as { results?: readonly Result[] }
  if (results === undefined) throw new Error(`not scored: ${JSON.stringify(problem)}`)
  return results.map((result) => {
    if (result.error?.code === 'boundary_not_exact') return null
    if (result.error !== undefined) throw new Error(`not scored: ${JSON.stringify(result)}`)
    return result
  })
}
