import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { OPTIONS } from '../src/config/options.ts'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { PROSE } from './support/prose.ts'
import type { Findings } from './support/result.ts'
import { metricIn, type Server, startServer } from './support/server.ts'
import { quantile } from './support/statistics.ts'

const CLIENTS = 16
const ROUNDS = 3
const SECONDS = 3
const WARM_UP_MS = 1500
const AIM_MS = 5
const NICENESS = [OPTIONS.ENGINE_NICENESS.default, 5, 10]
const LOAD_CLIENTS = join(PACKAGE_FOLDER, 'dist', 'bench', 'support', 'load-clients.js')

interface Load {
  readonly name: string
  readonly clients: number
  readonly long: number
}
const LOADS: readonly Load[] = [
  { name: 'engine idle', clients: 0, long: 0 },
  { name: 'engine saturated', clients: CLIENTS, long: 0 },
  { name: 'saturated, and tokenizing one megabyte', clients: CLIENTS, long: 1 }
]

interface Case {
  readonly niceness: number
  readonly load: Load
  readonly server: Server
  readonly tokenizeMs: number[]
  readonly livezMs: number[]
  readonly tokensPerSecond: number[]
}

/** Latency of POST /tokenize for a short text under load, at several priorities of the computing processes. */
export async function run(): Promise<Findings> {
  const cases: Case[] = []
  for (const niceness of NICENESS) {
    const server = await startServer(1, ['--engine-niceness', String(niceness)])
    cases.push(...LOADS.map((load) => ({ niceness, load, server, tokenizeMs: [], livezMs: [], tokensPerSecond: [] })))
  }
  for (let round = 0; round < ROUNDS; round++) {
    // They alternate in going first, so that a slow phase of the machine does not always affect the same one.
    for (const each of round % 2 === 0 ? cases : cases.toReversed()) await measure(each)
  }
  await Promise.all(cases.filter(({ load }) => load === LOADS[0]).map(({ server }) => server.close()))

  const own = cases.filter(({ niceness }) => niceness === OPTIONS.ENGINE_NICENESS.default)
  const worst = Math.max(...own.map(({ tokenizeMs }) => quantile(tokenizeMs, 0.99)))
  return {
    question: 'Does POST /tokenize respond quickly while the engine is saturated?',
    settings: { clients: CLIENTS, seconds: SECONDS, rounds: ROUNDS, default_engine_niceness: OPTIONS.ENGINE_NICENESS.default },
    tables: [
      {
        title: 'One client, one request at a time, texts of 100 characters as lm-evaluation-harness sends them, ms',
        columns: ['engine niceness', 'load', 'requests', 'p50', 'p95', 'p99', 'max', 'GET /livez p50', 'p99', 'scored tokens/s'],
        rows: cases.map(({ niceness, load, tokenizeMs, livezMs, tokensPerSecond }) => [
          String(niceness),
          load.name,
          tokenizeMs.length,
          ...[0.5, 0.95, 0.99, 1].map((share) => quantile(tokenizeMs, share)),
          ...[0.5, 0.99].map((share) => quantile(livezMs, share)),
          quantile(tokensPerSecond, 0.5)
        ])
      }
    ],
    aims: [
      {
        aim: `p99 of POST /tokenize at most ${AIM_MS} ms under every load with the default niceness`,
        measured: worst,
        isMet: worst <= AIM_MS
      }
    ],
    notes: [
      'The measuring client, the clients that generate load, and the services run on the same machine. GET /livez alternates with the texts and shows how much of the time the tokenizer does not cause.',
      'The three services run side by side, and one of them is under load at a time. If other programs use the cores too, a higher niceness gives them more CPU time, so compare tokens/s only on an idle machine.'
    ],
    // Tens of thousands of requests, so only percentiles are kept.
    samples: Object.fromEntries(
      cases.map(({ niceness, load, tokenizeMs }) => [`niceness ${niceness}, ${load.name}: percentiles 0 to 100, ms`, percentiles(tokenizeMs)])
    )
  }
}

function percentiles(sample: readonly number[]): number[] {
  return Array.from({ length: 101 }, (_, percent) => Math.round(1000 * quantile(sample, percent / 100)) / 1000)
}

async function measure({ server, load: { clients, long }, tokenizeMs, livezMs, tokensPerSecond }: Case): Promise<void> {
  const load = clients + long === 0 ? null : fork(LOAD_CLIENTS, [server.address, String(clients), String(long)])
  if (load !== null) await once(load, 'message')
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS))
  const before = metricIn(await server.get('/metrics'), 'logpr_computed_tokens_total')
  const began = performance.now()
  const timed = async (times: number[], send: () => Promise<unknown>): Promise<void> => {
    const sent = performance.now()
    await send()
    times.push(performance.now() - sent)
  }
  for (let i = 0; performance.now() - began < 1000 * SECONDS; i++) {
    const { context, whole } = pairAt(i)
    await timed(tokenizeMs, () => server.post('/tokenize', JSON.stringify({ prompt: whole, add_special_tokens: false })))
    await timed(tokenizeMs, () => server.post('/tokenize', JSON.stringify({ prompt: context, add_special_tokens: false })))
    await timed(livezMs, () => server.get('/livez'))
  }
  tokensPerSecond.push((metricIn(await server.get('/metrics'), 'logpr_computed_tokens_total') - before) / ((performance.now() - began) / 1000))
  if (load !== null) await end(load)
}

/** A context of about 100 characters, and the same context with the following words. */
function pairAt(i: number): { context: string; whole: string } {
  const start = (i * 37) % PROSE.length
  const text = PROSE.repeat(2)
  return { context: text.slice(start, start + 100), whole: text.slice(start, start + 120) }
}

async function end(load: ChildProcess): Promise<void> {
  load.disconnect()
  await once(load, 'exit')
}
