import { readFileSync } from 'node:fs'
import { present } from '../../support/present.ts'
import { pause, type RunningService, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'
import { HEAVY_REQUESTS, HOSTILE_JSON, type HostileRequest } from '../support/hostile-bodies.ts'
import { quantile } from '../support/load-client.ts'
import { type ProbeFigures, startProbes } from '../support/probes.ts'
import { rawPost } from '../support/raw-post.ts'

const PROBE_MS = 10
const MAX_P99_MS = 100
const MAX_WORST_MS = 250
/** Longest time for one heavy request. */
const GIVE_UP_MS = 60_000

export const promises: readonly ServicePromise[] = [
  {
    id: 'B6',
    claim: 'Probes are answered whatever is sent',
    target: `0 failed probes; p99 of all <= ${MAX_P99_MS} ms, worst <= ${MAX_WORST_MS} ms`,
    measure: probesBesideHeavyRequests
  },
  {
    id: 'F3',
    claim: 'Hostile JSON is refused and costs nothing',
    target: 'each 4xx with <= 50 ms of blocked event loop; resident memory grows by <= 32 MiB over 10,000 bad requests',
    measure: hostileJson
  },
  {
    id: 'F4',
    claim: 'Hostile texts take bounded time on their own thread',
    target: '1 MB in <= 1 s for text without spaces, <= 5 s for any; a short request beside 3 MB in <= 1 s; 0 crashes, 0 x 5xx',
    measure: hostileTexts
  }
]

async function probesBesideHeavyRequests(): Promise<Measured> {
  const service = await startService()
  const probes = startProbes(service.url, ['/livez', '/readyz'], PROBE_MS)
  try {
    const figures: { readonly name: string; readonly own: ProbeFigures }[] = []
    for (const each of [...HEAVY_REQUESTS, ...HOSTILE_JSON]) {
      const answers = await Promise.race([send(service, each), pause(GIVE_UP_MS)])
      if (answers?.status === 0) throw new Error(`${each.name}: the connection broke`)
      figures.push({ name: each.name, own: await probes.take() })
    }
    const heaviest = HEAVY_REQUESTS.slice(0, 4)
    await Promise.all(heaviest.map((each) => send(service, each)))
    figures.push({ name: `${heaviest.length} of them at once`, own: await probes.take() })
    return measuredOf(figures)
  } finally {
    probes.end()
    await service.stop()
  }
}

function measuredOf(figures: readonly { readonly name: string; readonly own: ProbeFigures }[]): Measured {
  const worst = present(figures.toSorted((a, b) => b.own.worstMs - a.own.worstMs)[0])
  const latenciesMs = figures.flatMap(({ own }) => own.latenciesMs)
  const p99Ms = quantile(latenciesMs, 0.99)
  const failed = figures.reduce((sum, { own }) => sum + own.failed, 0)
  const largest = figures
    .toSorted((a, b) => b.own.worstMs - a.own.worstMs)
    .slice(0, 5)
    .map(({ name, own }) => `${name} ${own.worstMs.toFixed(0)} ms`)
  return {
    isKept: failed === 0 && p99Ms <= MAX_P99_MS && worst.own.worstMs <= MAX_WORST_MS,
    measured:
      `${figures.length} kinds of heavy and hostile requests, ${latenciesMs.length} probes, ${failed} failed; ` +
      `p99 ${p99Ms.toFixed(0)} ms; the longest: ${largest.join(', ')}`
  }
}

function send({ url }: RunningService, { path, body, headers = {} }: HostileRequest): ReturnType<typeof rawPost> {
  return rawPost(`${url}${path}`, body(), headers)
}

/** The longest block of the event loop in ms since the last call; the metric is reset when it is read. */
async function longestBlockMs({ url }: RunningService): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const [, seconds] = present(/^logpr_nodejs_eventloop_lag_max_seconds (\S+)/m.exec(metrics))
  return Number(seconds) * 1000
}

const MAX_BLOCK_MS = 50
const BAD_REQUESTS = 10_000
const MAX_GROWTH_MIB = 32

async function hostileJson(): Promise<Measured> {
  const service = await startService()
  try {
    const figures: { readonly name: string; readonly status: number; readonly blockMs: number }[] = []
    for (const each of HOSTILE_JSON) {
      await longestBlockMs(service)
      const { status } = await send(service, each)
      figures.push({ name: each.name, status, blockMs: await longestBlockMs(service) })
    }
    const worst = present(figures.toSorted((a, b) => b.blockMs - a.blockMs)[0])
    const accepted = figures.filter(({ status }) => status < 400 || status >= 500)
    const small = HOSTILE_JSON.map(({ path, body, headers }) => ({ path, body: body().slice(0, 2000), headers }))
    await bad(service, small, BAD_REQUESTS / 2)
    const before = residentMib(service)
    await bad(service, small, BAD_REQUESTS)
    const growth = residentMib(service) - before
    return {
      isKept: accepted.length === 0 && worst.blockMs <= MAX_BLOCK_MS && growth <= MAX_GROWTH_MIB,
      measured:
        `${figures.length} bodies of up to 32 MiB, ${accepted.length} not refused with 4xx; longest block ${worst.blockMs.toFixed(0)} ms (${worst.name}); ` +
        `${growth.toFixed(0)} MiB growth over ${BAD_REQUESTS} bad requests after ${BAD_REQUESTS / 2}`
    }
  } finally {
    await service.stop()
  }
}

interface SmallRequest {
  readonly path: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>> | undefined
}

/** Sends bad requests over eight connections. */
async function bad({ post }: RunningService, requests: readonly SmallRequest[], count: number): Promise<void> {
  let sent = 0
  const client = async (): Promise<void> => {
    while (sent < count) {
      const { path, body, headers } = present(requests[sent++ % requests.length])
      const response = await post(path, body, headers === undefined ? {} : { headers: { ...headers } })
      await response.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: 8 }, client))
}

function residentMib({ process: { pid } }: RunningService): number {
  return Number(present(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])) / 1024
}

const MEGABYTE = 1_000_000
const fill = (part: string): string => part.repeat(Math.floor(MEGABYTE / Buffer.byteLength(part)))
/** A megabyte each. */
const TEXTS: Readonly<Record<string, string>> = {
  'no spaces': fill('abcdefghij'),
  'no spaces, one letter': fill('a'),
  'no spaces, digits': fill('3141592653'),
  spaces: fill(' '),
  'line breaks': fill('\n'),
  'one emoji': fill('\u{1F600}'),
  'an emoji family': fill('\u{1F468}\u200D\u{1F469}\u200D\u{1F467}'),
  'combining marks': fill(`a${'\u0301'.repeat(10_000)}`),
  'bidi controls': fill('a\u202Eb\u2066c\u2069'),
  'line separators': fill('\u2028\u2029'),
  'control characters': fill('\u0000\u0001\u001F'),
  'replacement characters': fill('\uFFFD'),
  'special tokens': fill('<|endoftext|>'),
  Chinese: fill('\u6F22\u5B57'),
  words: fill('the quick brown fox ')
}
const WITHOUT_SPACES = 'no spaces'
const MAX_WITHOUT_SPACES_MS = 1000
const MAX_ANY_MS = 5000
const MAX_BESIDE_MS = 1000

async function hostileTexts(): Promise<Measured> {
  const service = await startService()
  try {
    // Starts the thread for long texts.
    await rawPost(`${service.url}/tokenize`, JSON.stringify({ prompt: fill('warm up ') }))
    const figures: { readonly name: string; readonly tookMs: number; readonly statuses: readonly number[] }[] = []
    for (const [name, text] of Object.entries(TEXTS)) {
      const tokenized = await rawPost(`${service.url}/tokenize`, JSON.stringify({ prompt: text }))
      const scored = await rawPost(`${service.url}/v1/logprob`, JSON.stringify({ x: text, y: ' a' }))
      figures.push({ name, tookMs: tokenized.tookMs, statuses: [tokenized.status, scored.status] })
    }
    const besideMs = await shortRequestMs(service)
    const failed = figures.filter(({ statuses }) => statuses.some((status) => status === 0 || status >= 500))
    const ofWithout = figures.filter(({ name }) => name.startsWith(WITHOUT_SPACES)).map(({ tookMs }) => tookMs)
    const worst = present(figures.toSorted((a, b) => b.tookMs - a.tookMs)[0])
    return {
      isKept: failed.length === 0 && Math.max(...ofWithout) <= MAX_WITHOUT_SPACES_MS && worst.tookMs <= MAX_ANY_MS && besideMs <= MAX_BESIDE_MS,
      measured:
        `${figures.length} texts of 1 MB, ${failed.length} failed; without spaces ${Math.max(...ofWithout).toFixed(0)} ms, ` +
        `slowest ${worst.tookMs.toFixed(0)} ms (${worst.name}); the slowest of 20 short requests beside 3 MB to /tokenize ${besideMs.toFixed(0)} ms`
    }
  } finally {
    await service.stop()
  }
}

/** The slowest of twenty short requests while another one has 3 MB tokenized. */
async function shortRequestMs({ url }: RunningService): Promise<number> {
  const long = rawPost(`${url}/tokenize`, JSON.stringify({ prompt: fill('abcdefghij').repeat(3) }))
  let slowestMs = 0
  for (let i = 0; i < 20; i++) {
    const { tookMs } = await rawPost(`${url}/v1/logprob`, JSON.stringify({ x: `A short text ${i}`, y: ' here' }))
    slowestMs = Math.max(slowestMs, tookMs)
  }
  await long
  return slowestMs
}
