import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { present } from '../support/present.ts'
import { pause, type RunningService, startService } from '../support/running-service.ts'

/**
 * As lm-evaluation-harness does: every failure is tried again, three attempts in all, one second apart; then the run
 * dies.
 */
const ATTEMPTS = 3
const RETRY_MS = 1000
const HARNESS_TIMEOUT_MS = 300_000
const CONNECTIONS = 32
/** Nats per token: float32 rounding of the same tokens in a batch of another shape. */
const TOLERANCE = 1e-3

type Ids = readonly number[]

/** A chain of residues that depends on the seed, so that scores of another prompt are noticed. */
function promptOf(length: number, seed: number): Ids {
  let state = 7 * seed + 1
  return Array.from({ length }, () => {
    state = (state * 1103 + 12_345) % 65_521
    return 5 + (state % 4000)
  })
}

const bodyOf = (prompt: readonly Ids[]): string => JSON.stringify({ prompt, temperature: 0, max_tokens: 1, logprobs: 1, seed: 1234, echo: true })

/** The scores of each prompt, which a harness sums. */
async function numbersOf(response: Response): Promise<readonly number[][]> {
  const { choices } = (await response.json()) as { choices: { index: number; logprobs: { token_logprobs: (number | null)[] } }[] }
  return choices.toSorted((a, b) => a.index - b.index).map(({ logprobs }) => logprobs.token_logprobs.slice(1).map(Number))
}

/** Tokens per second of an idle service, measured on prompts that run alone. */
async function speedOf(service: RunningService): Promise<number> {
  const prompts = Array.from({ length: 48 }, (_, seed) => promptOf(400, seed))
  await service.post('/v1/completions', bodyOf(prompts.slice(0, 8)))
  const began = performance.now()
  assert.equal((await service.post('/v1/completions', bodyOf(prompts))).status, 200)
  return (48 * 400) / ((performance.now() - began) / 1000)
}

async function metric(service: RunningService, name: string): Promise<number> {
  return Number(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'm').exec(await (await service.get('/metrics')).text())?.[1])
}

const queuedTokens = (service: RunningService): Promise<number> => metric(service, 'logpr_queue_tokens')
const computedTokens = (service: RunningService): Promise<number> => metric(service, 'logpr_computed_tokens_total')

/** Peak resident memory of the front process, MiB. */
function peakMebibytes({ process: { pid } }: RunningService): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

const quantile = (sorted: readonly number[], share: number): number => present(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))])

async function started(t: TestContext): Promise<RunningService> {
  const service = await startService()
  t.after(() => service.process.kill('SIGKILL'))
  return service
}

test('a harness with 32 connections finishes without a failed request while another client saturates the service', async (t) => {
  const service = await started(t)
  const chunks = Array.from({ length: 128 }, (_, chunk) => Array.from({ length: 8 }, (_, i) => promptOf(10 + ((chunk + i) % 12), 8 * chunk + i)))
  const expected: (readonly number[][])[] = []
  for (const chunk of chunks) expected.push(await numbersOf(await service.post('/v1/completions', bodyOf(chunk))))
  const speed = await speedOf(service)

  // There is always a minute of work in the queue.
  const leaving = new AbortController()
  const connections = 16
  const prompts = Math.max(1, Math.round((60 * speed) / connections / 400))
  const saturating = Array.from({ length: connections }, async (_, connection) => {
    const body = bodyOf(Array.from({ length: prompts }, (_, i) => promptOf(400, 10_000 + connection * prompts + i)))
    while (!leaving.signal.aborted) {
      await service
        .post('/v1/completions', body, { signal: leaving.signal })
        .then((response) => response.text())
        .catch(() => 'gone')
    }
  })
  while ((await queuedTokens(service)) < 20 * speed) await pause(100)

  const latencies: number[] = []
  const failures: string[] = []
  let retries = 0
  let differing = 0
  let leastQueued = Number.POSITIVE_INFINITY
  const ask = async (index: number): Promise<void> => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const began = performance.now()
      try {
        const response = await service.post('/v1/completions', bodyOf(chunks[index]!), { signal: AbortSignal.timeout(HARNESS_TIMEOUT_MS) })
        if (response.status !== 200) throw new Error(`${response.status} ${(await response.text()).slice(0, 200)}`)
        const numbers = await numbersOf(response)
        latencies.push(performance.now() - began)
        const of = expected[index]!
        if (!numbers.every((row, i) => row.length === of[i]?.length && row.every((value, at) => Math.abs(value - of[i]![at]!) <= TOLERANCE))) differing++
        return
      } catch (error) {
        if (attempt === ATTEMPTS) failures.push(String(error))
        else retries++
        await pause(RETRY_MS)
      }
    }
  }
  const waiting = chunks.map((_, index) => index)
  const computedBefore = await computedTokens(service)
  const began = performance.now()
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        await ask(index)
        leastQueued = Math.min(leastQueued, await queuedTokens(service))
      }
    })
  )
  const elapsed = (performance.now() - began) / 1000
  const ownTokens = chunks.flat(2).length
  const otherTokens = (await computedTokens(service)) - computedBefore - ownTokens
  leaving.abort()
  await Promise.all(saturating)
  for (let tries = 0; tries < 100 && (await queuedTokens(service)) > 0; tries++) await pause(50)

  latencies.sort((a, b) => a - b)
  t.diagnostic(
    `${chunks.length} requests in ${elapsed.toFixed(1)} s, ${failures.length} failed, ${retries} tried again, ${differing} with other numbers; latency p50 ${Math.round(quantile(latencies, 0.5))} ms, p99 ${Math.round(quantile(latencies, 0.99))} ms; ` +
      `at least ${leastQueued} tokens waited beside them, ${(leastQueued / speed).toFixed(1)} s of work at ${Math.round(speed)} tokens/s; ${ownTokens} tokens computed for it and ${otherTokens} for the other client; peak ${Math.round(peakMebibytes(service))} MiB`
  )
  assert.deepEqual(failures, [])
  assert.deepEqual([latencies.length, differing, retries], [chunks.length, 0, 0])
  assert.ok(leastQueued > 5 * speed, `${leastQueued} tokens waited at the least`)
  assert.ok(otherTokens > 0, 'the other client gets on too')
  assert.equal(await queuedTokens(service), 0, 'the work of the client that left is gone')
})

const DEADLINE_MS = 5000
const ROUND_SECONDS = 15
/** A machine that slows down for seconds makes requests late; a service that accepts too much does it always. */
const ROUNDS = 3
/** Prompts and tokens of each of a request. */
const [REQUEST_PROMPTS, REQUEST_TOKENS] = [8, 150]

interface Round {
  readonly counts: ReadonlyMap<number, number>
  /** Milliseconds until a refusal. */
  readonly refusals: readonly number[]
  readonly wrongRetryAfter: number
  readonly isInTime: boolean
  readonly summary: string
}

/** Sends requests for a while, at a rate that does not depend on the answers. */
async function overload(service: RunningService, requestsPerSecond: number, firstSeed: number): Promise<Round> {
  const counts = new Map<number, number>()
  const refusals: number[] = []
  const acceptances: number[] = []
  let wrongRetryAfter = 0
  const ask = async (seed: number): Promise<void> => {
    const body = bodyOf(Array.from({ length: REQUEST_PROMPTS }, (_, i) => promptOf(REQUEST_TOKENS, REQUEST_PROMPTS * seed + i)))
    const began = performance.now()
    const response = await service.post('/v1/completions', body, { headers: { 'x-request-timeout-ms': String(DEADLINE_MS) } })
    const answeredMs = performance.now() - began
    await response.text()
    counts.set(response.status, (counts.get(response.status) ?? 0) + 1)
    if (response.status === 200) acceptances.push(answeredMs)
    if (response.status !== 429) return
    refusals.push(answeredMs)
    const retryAfter = Number(response.headers.get('retry-after'))
    if (!(retryAfter >= 1 && retryAfter <= 60)) wrongRetryAfter++
  }
  const asked: Promise<void>[] = []
  const began = performance.now()
  for (let elapsed = 0; elapsed < ROUND_SECONDS; elapsed = (performance.now() - began) / 1000) {
    while (asked.length < elapsed * requestsPerSecond) asked.push(ask(firstSeed + asked.length))
    await pause(5)
  }
  await Promise.all(asked)

  refusals.sort((a, b) => a - b)
  acceptances.sort((a, b) => a - b)
  const [done, late] = [acceptances.length, counts.get(504) ?? 0]
  const refusalMs = quantile(refusals, 0.99)
  return {
    counts,
    refusals,
    wrongRetryAfter,
    isInTime: late <= 0.1 * (done + late) && refusalMs < DEADLINE_MS / 4,
    summary:
      `${asked.length} requests in ${ROUND_SECONDS} s: ${done} done, ${late} late, ${refusals.length} refused; answers p99 ${Math.round(quantile(acceptances, 0.99))} ms of ${DEADLINE_MS}; ` +
      `refusals p50 ${quantile(refusals, 0.5).toFixed(1)} ms, p99 ${refusalMs.toFixed(1)} ms; done ${Math.round((done * REQUEST_PROMPTS * REQUEST_TOKENS) / ROUND_SECONDS)} tokens/s`
  }
}

test('at ten times the capacity, accepted requests are answered in time and the rest is rejected at once', async (t) => {
  const service = await started(t)
  const speed = await speedOf(service)
  const idleMebibytes = peakMebibytes(service)
  const requestsPerSecond = (10 * speed) / (REQUEST_PROMPTS * REQUEST_TOKENS)
  let isInTime = false
  for (let round = 0; round < ROUNDS && !isInTime; round++) {
    const { counts, refusals, wrongRetryAfter, summary, ...found } = await overload(service, requestsPerSecond, 1e5 * round)
    t.diagnostic(`${summary} of ${Math.round(speed)} tokens/s`)
    assert.deepEqual(
      [...counts.keys()].filter((status) => ![200, 429, 504].includes(status)),
      []
    )
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
    assert.ok(refusals.length > all / 2, `${refusals.length} of ${all} refused`)
    assert.equal(wrongRetryAfter, 0)
    isInTime = found.isInTime
  }
  assert.ok(isInTime, `in each of ${ROUNDS} rounds, more than a tenth of what was taken was late, or refusals were`)
  const growth = peakMebibytes(service) - idleMebibytes
  t.diagnostic(`memory grew by ${Math.round(growth)} MiB`)
  assert.ok(growth < 256, `memory grew by ${growth} MiB`)
})
