import { loadConfig } from '../src/config/load-config.ts'
import { feedMakers, passFeeds } from '../src/engine/process/feeds.ts'
import { plainPass } from '../src/engine/process/pass.ts'
import type { EngineSpec } from '../src/engine/protocol.ts'
import { expandRequest } from '../src/logprob/expand-request.ts'
import { logprobOptionsOf } from '../src/logprob/request-options.ts'
import { readOnnx } from '../src/model/onnx/read.ts'
import { scoringGraph } from '../src/model/onnx/scoring-graph.ts'
import { startBackend } from '../src/serving/backend.ts'
import { startTokenizer } from '../src/tokenizer/threads/thread-tokenizer.ts'
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts'
import { EMBEDDED_MODEL, specOf } from './support/models.ts'
import { PROSE } from './support/prose.ts'
import type { Findings } from './support/result.ts'
import { metricIn, startServer } from './support/server.ts'
import { createSession } from './support/session.ts'
import { quantile } from './support/statistics.ts'

const TOKENS = 32
const ROUNDS = 300
const WARM_UP = 30
const AIM_MS = 2
const QUIET = { info() {}, warn() {}, error() {} }

interface Pair {
  readonly x: string
  readonly y: string
  readonly xIds: Int32Array
  readonly yIds: Int32Array
  /** Prefix token, x and y. */
  readonly ids: Int32Array
}

/** Latency of a short pair over HTTP and of the bare forward pass, alternating so that a slow phase affects both. */
export async function run(): Promise<Findings> {
  const spec = specOf(EMBEDDED_MODEL)
  const tokenizer = await startTokenizer(EMBEDDED_MODEL, () => {})
  const pair = await pairOf(tokenizer)
  const batch = { sequences: [{ ids: pair.ids, firstScored: 1 }], topCount: null }
  const bare = await bareRun(spec, pair.ids)
  const backend = startBackend(loadConfig([], {}).config, QUIET)
  const { logprobEvaluator } = await backend.ready
  const server = await startServer(1)

  const request = { x: pair.x, y: pair.y }
  const textBody = JSON.stringify(request)
  const idsBody = JSON.stringify({ x: [...pair.xIds], y: [...pair.yIds] })
  const engineRunMs: number[] = []
  const steps: Readonly<Record<string, () => Promise<unknown>>> = {
    'bare session.run': bare,
    'engine process (IPC and the pass)': async () => engineRunMs.push((await backend.engine.score(batch)).runMs),
    'tokenizer thread, two texts': () => tokenizer.encode([pair.x, pair.x + pair.y], { parseSpecialTokens: false }),
    'evaluator without HTTP, text': async () => {
      const { outcomes } = await logprobEvaluator.evaluate(expandRequest(request), logprobOptionsOf({}), { signal: new AbortController().signal })
      await Promise.all(outcomes)
    },
    'GET /livez': () => server.get('/livez'),
    'POST /v1/logprob, token ids': () => server.post('/v1/logprob', idsBody),
    'POST /v1/logprob, text': () => server.post('/v1/logprob', textBody)
  }
  const samples: Record<string, number[]> = Object.fromEntries(Object.keys(steps).map((name) => [name, []]))
  let before = ''
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    if (round === 0) before = await server.get('/metrics')
    for (const [name, step] of Object.entries(steps)) {
      const began = performance.now()
      await step()
      if (round >= 0) samples[name]!.push(performance.now() - began)
    }
  }
  const after = await server.get('/metrics')
  const change = (name: string): number => metricIn(after, name) - metricIn(before, name)
  const serverRunMs = (1000 * change('logpr_batch_seconds_sum')) / change('logpr_batch_seconds_count')
  await Promise.all([server.close(), backend.close(), tokenizer.close()])

  const http = samples['POST /v1/logprob, text']!
  const plain = samples['bare session.run']!
  const overhead = quantile(http, 0.5) - quantile(plain, 0.5)
  const row = (name: string, sample: readonly number[]) => [
    name,
    quantile(sample, 0.5),
    quantile(sample, 0.95),
    quantile(sample, 0.5) - quantile(plain, 0.5),
    sample.reduce((sum, value) => sum + value, 0) / sample.length
  ]
  return {
    question: 'How much does a request cost on top of the forward pass?',
    settings: { tokens: TOKENS, rounds: ROUNDS, connections: 1, threads: spec.threads },
    tables: [
      {
        title: 'One pair of 32 tokens, one request at a time',
        columns: ['step', 'p50 ms', 'p95 ms', 'p50 minus bare ms', 'mean ms'],
        rows: [
          ...Object.entries(samples).map(([name, sample]) => row(name, sample)),
          row('inside the engine process (runMs)', engineRunMs.slice(WARM_UP)),
          ["inside the server's engine process (/metrics)", null, null, null, serverRunMs]
        ]
      }
    ],
    aims: [{ aim: `p50 over HTTP at most ${AIM_MS} ms above the bare pass, ms`, measured: overhead, isMet: overhead <= AIM_MS }],
    notes: [
      'All steps take turns in one loop. The server, its engine process and the benchmark share the cores, so a pass takes longer than it would in its own loop.'
    ],
    samples
  }
}

/** The graph that the engine runs, in this process. */
async function bareRun(spec: EngineSpec, ids: Int32Array): Promise<() => Promise<unknown>> {
  const graph = scoringGraph(readOnnx(spec.onnxPath))
  const session = await createSession(spec, graph)
  const makers = feedMakers(graph.inputs, { headSize: spec.headSize, keyValueHeads: 0 })
  const batch = { sequences: [{ ids, firstScored: 1 }], topCount: null }
  const { feeds } = passFeeds(makers, plainPass(batch.sequences), batch, { maxChunkRows: TOKENS, maxProbedRows: 0 })
  return () => session.run(feeds)
}

/** The start of the prose with exactly TOKENS tokens, split between two words in the middle. */
async function pairOf(tokenizer: Tokenizer): Promise<Pair> {
  const words = PROSE.split(/(?= )/)
  for (let first = 0; first < words.length; first++) {
    for (let length = TOKENS / 2; length <= TOKENS; length++) {
      const x = words.slice(first, first + length / 2).join('')
      const text = words.slice(first, first + length).join('')
      const [xIds, ids] = await tokenizer.encode([x, text], { parseSpecialTokens: false })
      if (ids?.length !== TOKENS || xIds === undefined) continue
      const whole = Int32Array.from([...(tokenizer.info.beginId === null ? [] : [tokenizer.info.beginId]), ...ids])
      return { x, y: text.slice(x.length), xIds, yIds: ids.slice(xIds.length), ids: whole }
    }
  }
  throw new Error(`no piece of the prose has exactly ${TOKENS} tokens`)
}
