import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { logprobArraysOf } from '../src/client/arrays.ts'
import { randomOf } from '../test/support/random.ts'
import type { Findings } from './support/result.ts'
import { metricIn, type Server, startServer } from './support/server.ts'

const SEQUENCES = 2000
/** The others are copies of these: the model, which is not measured here, computes each once. */
const DISTINCT = 20
const TOKENS = 501
const VOCABULARY = 4096
const MODEL_SEQUENCES = 40
const TOP_SEQUENCES = 8
const TOP = 250
/** Every form after the first is answered from the result cache: this measures answers, not models. */
const FLAGS = ['--result-cache-bytes', String(2 ** 30), '--deadline-ms', '3600000', '--max-held-bytes', String(2 ** 31), '--max-held-bytes-per-client', '0']
/** A Python with NumPy; without one, the columns of Python are empty. */
const PYTHON = process.env.LOGPR_BENCH_PYTHON

interface Form {
  readonly name: string
  readonly accept: string
  readonly options: object
  /** Reads every log-prob of the answer into arrays, and returns how many there are. */
  readonly parse: (file: Buffer) => number
  /** The same in Python: an expression over `b`. */
  readonly python: string
}

interface Answer {
  readonly results: readonly {
    readonly log_probs?: number[]
    readonly tokens?: readonly { readonly log_prob: number }[]
    readonly top_log_probs?: (number[] | null)[]
  }[]
}

const ofJson =
  (take: (result: Answer['results'][number]) => readonly number[]) =>
  (file: Buffer): number =>
    (JSON.parse(file.toString()) as Answer).results.reduce((sum, result) => sum + Float32Array.from(take(result)).length, 0)
const PYTHON_ARRAYS = '[np.array(r["log_probs"], np.float32) for r in json.loads(b)["results"]]'
const LOG_PROBS: readonly Form[] = [
  { name: 'JSON, arrays', accept: 'application/json', options: { format: 'arrays' }, parse: ofJson(({ log_probs = [] }) => log_probs), python: PYTHON_ARRAYS },
  {
    name: 'NDJSON, arrays',
    accept: 'application/x-ndjson',
    options: { format: 'arrays' },
    parse: (file) =>
      file
        .toString()
        .trimEnd()
        .split('\n')
        .reduce((sum, line) => sum + Float32Array.from((JSON.parse(line) as Answer['results'][number]).log_probs ?? []).length, 0),
    python: '[np.array(json.loads(l)["log_probs"], np.float32) for l in b.splitlines()]'
  },
  {
    name: '.npz',
    accept: 'application/zip',
    options: {},
    parse: (file) => logprobArraysOf(bufferOf(file)).sequences.reduce((sum, { logProbs }) => sum + logProbs.length, 0),
    python: 'np.load(io.BytesIO(b))["log_probs"]'
  },
  {
    name: 'JSON, detail tokens',
    accept: 'application/json',
    options: { detail: 'tokens' },
    parse: ofJson(({ tokens = [] }) => tokens.map(({ log_prob }) => log_prob)),
    python: '[np.array([t["log_prob"] for t in r["tokens"]], np.float32) for r in json.loads(b)["results"]]'
  },
  {
    name: 'NDJSON, detail tokens',
    accept: 'application/x-ndjson',
    options: { detail: 'tokens' },
    parse: (file) =>
      file
        .toString()
        .trimEnd()
        .split('\n')
        .reduce((sum, line) => sum + Float32Array.from((JSON.parse(line) as Answer['results'][number]).tokens ?? [], ({ log_prob }) => log_prob).length, 0),
    python: '[np.array([t["log_prob"] for t in json.loads(l)["tokens"]], np.float32) for l in b.splitlines()]'
  }
]
const TOP_LOG_PROBS: readonly Form[] = [
  {
    name: `JSON, arrays, top ${TOP}`,
    accept: 'application/json',
    options: { format: 'arrays', top_logprobs: TOP },
    parse: ofJson(({ top_log_probs: rows = [] }) => rows.flatMap((row) => row ?? [])),
    python: '[np.array([x for x in r["top_log_probs"] if x], np.float32) for r in json.loads(b)["results"]]'
  },
  {
    name: `.npz, top ${TOP}`,
    accept: 'application/zip',
    options: { top_logprobs: TOP },
    parse: (file) => logprobArraysOf(bufferOf(file)).sequences.reduce((sum, { topLogProbs }) => sum + (topLogProbs?.length ?? 0), 0),
    python: 'np.load(io.BytesIO(b))["top_log_probs"]'
  }
]

const random = randomOf(1)
const sequencesOf = (count: number, tokens = TOKENS): { ids: number[] }[] =>
  Array.from({ length: count }, () => ({ ids: Array.from({ length: tokens }, () => random.between(1, VOCABULARY - 1)) }))

/** What a million log-probs cost in each form of the answer, and what more top tokens cost in the model. */
export async function run(): Promise<Findings> {
  const server = await startServer(1, FLAGS)
  const folder = mkdtempSync(join(tmpdir(), 'logpr-arrays-'))
  try {
    const distinct = sequencesOf(DISTINCT)
    const many = Array.from({ length: SEQUENCES / DISTINCT }, () => distinct).flat()
    const few = sequencesOf(TOP_SEQUENCES)
    const rows = [...(await rowsOf(server, LOG_PROBS, many, distinct, folder)), ...(await rowsOf(server, TOP_LOG_PROBS, few, few, folder))]
    return {
      question: 'What do a million log-probabilities cost in each form of the answer?',
      settings: { sequences: SEQUENCES, distinct_sequences: DISTINCT, tokens_per_sequence: TOKENS, top_sequences: TOP_SEQUENCES, top_logprobs: TOP },
      tables: [
        {
          title: 'Scores from the result cache, one request in each form',
          columns: [
            'form',
            'log-probs',
            'MB',
            'seconds',
            'CPU s of the server',
            'longest event-loop lag, ms',
            'CPU s to parse in Node',
            'CPU s to parse in Python'
          ],
          rows
        },
        {
          title: 'Seconds in the model for 20,000 tokens that were not scored before',
          columns: ['top_logprobs', 'seconds'],
          rows: await modelRows(server)
        }
      ],
      aims: [],
      notes: ['A .npz file has 4 bytes per token id and 4 per log-prob. Parsing ends with every log-prob in a Float32Array or a float32 array of NumPy.'],
      samples: {}
    }
  } finally {
    rmSync(folder, { recursive: true })
    await server.close()
  }
}

async function rowsOf(
  server: Server,
  forms: readonly Form[],
  pairs: readonly object[],
  distinct: readonly object[],
  folder: string
): Promise<(string | number | null)[][]> {
  const rows: (string | number | null)[][] = []
  // All scores come from the result cache afterwards.
  for (const { options } of forms) await fetched(server, 'application/x-ndjson', { pairs: distinct, ...options, format: 'arrays' })
  for (const { name, accept, options, parse, python } of forms) {
    const before = await metrics(server)
    const beganMs = performance.now()
    const file = await fetched(server, accept, { pairs, ...options })
    const seconds = (performance.now() - beganMs) / 1000
    const after = await metrics(server)
    const cpu = metricIn(after, 'logpr_process_cpu_seconds_total') - metricIn(before, 'logpr_process_cpu_seconds_total')
    const began = process.cpuUsage()
    const count = parse(file)
    const { user, system } = process.cpuUsage(began)
    const path = join(folder, 'answer')
    writeFileSync(path, file)
    rows.push([
      name,
      count,
      file.length / 1e6,
      seconds,
      cpu,
      1000 * metricIn(after, 'logpr_nodejs_eventloop_lag_max_seconds'),
      (user + system) / 1e6,
      pythonSeconds(path, python)
    ])
  }
  return rows
}

async function modelRows(server: Server): Promise<(string | number)[][]> {
  const rows: (string | number)[][] = []
  for (const top of [0, 20, 256]) {
    const before = metricIn(await metrics(server), 'logpr_batch_seconds_sum')
    await fetched(server, 'application/x-ndjson', { pairs: sequencesOf(MODEL_SEQUENCES), format: 'arrays', detail: 'tokens', top_logprobs: top })
    rows.push([top, metricIn(await metrics(server), 'logpr_batch_seconds_sum') - before])
  }
  return rows
}

/** On a connection of its own: an idle one is closed while a long answer is read. */
async function metrics({ address }: Server): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => get(`${address}/metrics`, { agent: false }, resolve).once('error', reject))
  return text(response)
}

async function fetched({ address }: Server, accept: string, body: object): Promise<Buffer> {
  const response = await fetch(`${address}/v1/logprob`, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  if (response.status !== 200) throw new Error(bytes.toString())
  return bytes
}

function bufferOf({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer {
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
}

function pythonSeconds(path: string, expression: string): number | null {
  if (PYTHON === undefined) return null
  const program = `import io, json, sys, time\nimport numpy as np\nb = open(sys.argv[1], 'rb').read()\nt = time.process_time()\n_ = ${expression}\nprint(time.process_time() - t)`
  return Number(execFileSync(PYTHON, ['-c', program, path], { encoding: 'utf8' }))
}
