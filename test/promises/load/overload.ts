import type { Measured, ServicePromise } from '../promise.ts'
import { withKeyedService } from '../support/keyed-service.ts'
import { type Answer, closedLoop, latencyMs, openLoop, pairsBody, quantile } from '../support/load-client.ts'

const FACTORS = [0.5, 1, 1.5, 2, 3, 10] as const
const SECONDS = 10
/** Part of a run before the queue has filled, and before the service knows how much overload slows its engine. */
const RAMP_SECONDS = 3
const DEADLINE_MS = 3000
const KEYS = ['a-key-of-the-overloading-client']

interface Run {
  readonly factor: number
  /** Requests per second that were answered in time, after the ramp. */
  readonly goodput: number
  /**
   * Of the requests that were sent after the ramp and not refused; infinite where more than one in a hundred got 504.
   */
  readonly acceptedP99Ms: number
  readonly accepted: number
  /** Those of all accepted that got 504. */
  readonly late: number
  readonly refused: readonly Answer[]
  readonly isEveryRefusalComplete: boolean
  /** Of the last refusals: the wait that they asked for, relative to the time that the queued work took, less 1. */
  readonly waitErrors: readonly number[]
}

let runs: Promise<readonly Run[]> | undefined

/** Both promises look at the same runs. */
function overloadRuns(): Promise<readonly Run[]> {
  runs ??= withKeyedService(KEYS, { LOGPR_DEADLINE_MS: String(DEADLINE_MS), LOGPR_BATCH_TIMEOUT_MS: String(DEADLINE_MS) }, async ({ clients: [client] }) => {
    const send = (): Promise<Answer> => client!.post('/v1/logprob', pairsBody(8, 30, 10))
    const endMs = performance.now() + 6000
    const warm = await closedLoop(8, () => performance.now() > endMs, send)
    const late = warm.filter(({ answeredAtMs }) => answeredAtMs > endMs - 4000 && answeredAtMs <= endMs)
    const capacity = late.length / 4
    const measured: Run[] = []
    for (const factor of FACTORS) measured.push(await overload(factor, capacity, send))
    return measured
  })
  return runs
}

async function overload(factor: number, capacity: number, send: () => Promise<Answer>): Promise<Run> {
  const startMs = performance.now()
  const answers = await openLoop(factor * capacity, SECONDS, send)
  const isRefusal = ({ status }: Answer): boolean => status === 429 || status === 503
  const refused = answers.filter(isRefusal)
  const accepted = answers.filter((answer) => !isRefusal(answer))
  const answered = accepted.filter(({ status }) => status === 200)
  const [rampEndMs, endMs] = [startMs + RAMP_SECONDS * 1000, startMs + SECONDS * 1000]
  const inWindow = answered.filter(({ answeredAtMs }) => answeredAtMs > rampEndMs && answeredAtMs <= endMs)
  const latencies = accepted
    .filter(({ sentAtMs }) => sentAtMs > rampEndMs)
    .map((answer) => (answer.status === 200 ? latencyMs(answer) : Number.POSITIVE_INFINITY))
  const lastAnswerMs = Math.max(...answered.map(({ answeredAtMs }) => answeredAtMs))
  const lastRefused = refused.filter(({ answeredAtMs }) => answeredAtMs > endMs - 300)
  return {
    factor,
    goodput: inWindow.length / (SECONDS - RAMP_SECONDS),
    acceptedP99Ms: quantile(latencies, 0.99),
    accepted: accepted.length,
    late: accepted.length - answered.length,
    refused,
    isEveryRefusalComplete: refused.every(isCompleteRefusal),
    waitErrors: lastRefused.map(({ answeredAtMs, retryAfterMs }) => retryAfterMs / (lastAnswerMs - answeredAtMs) - 1)
  }
}

function isCompleteRefusal({ retryAfter, body }: Answer): boolean {
  const seconds = Number(retryAfter)
  return Number.isInteger(seconds) && seconds >= 1 && seconds <= 60 && /"title":.*"error":/.test(body)
}

async function goodput(): Promise<Measured> {
  const measured = await overloadRuns()
  const peak = Math.max(...measured.map((run) => run.goodput))
  const share = (factor: number): number => (measured.find((run) => run.factor === factor)?.goodput ?? 0) / peak
  const p99 = Math.max(...measured.map(({ acceptedP99Ms }) => acceptedP99Ms))
  const rows = measured.map((run) => `${run.factor} x: ${run.goodput.toFixed(1)} (${run.late} of ${run.accepted} accepted were late)`).join(', ')
  return {
    isKept: share(3) >= 0.9 && share(10) >= 0.8 && p99 <= DEADLINE_MS,
    measured: `requests/s answered in ${SECONDS} s each: ${rows}; ${(100 * share(3)).toFixed(0)} % of the peak at 3 x, ${(100 * share(10)).toFixed(0)} % at 10 x; after ${RAMP_SECONDS} s, accepted p99 ${p99.toFixed(0)} ms of ${DEADLINE_MS} ms`
  }
}

async function refusals(): Promise<Measured> {
  const measured = await overloadRuns()
  const refused = measured.flatMap((run) => run.refused)
  const p99 = quantile(refused.map(latencyMs), 0.99)
  const errors = measured.flatMap(({ waitErrors }) => waitErrors.map(Math.abs))
  const error = quantile(errors, 0.5)
  const isComplete = measured.every((run) => run.isEveryRefusalComplete)
  return {
    isKept: p99 <= 50 && isComplete && error <= 0.5,
    measured: `${refused.length} refusals, p99 ${p99.toFixed(0)} ms; ${isComplete ? 'all' : 'not all'} with Retry-After and the body; error of the estimated wait ${(100 * error).toFixed(0)} % (median of ${errors.length})`
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'B1',
    claim: 'Overload does not reduce what the service achieves: it refuses what it cannot do in time.',
    target: 'open loop at 0.5 to 10 times the capacity: goodput at 3 x >= 90 % of the peak, at 10 x >= 80 %; accepted p99 <= deadline',
    measure: goodput
  },
  {
    id: 'B2',
    claim: 'A refusal is cheap and says how long to wait.',
    target: 'the same runs: p99 of the time to 429 <= 50 ms; all have Retry-After of 1 to 60 s and the error body; error of the wait <= 50 %',
    measure: refusals
  }
]
