import { loadConfig } from '../src/config/load-config.ts'
import { DEFAULT_OPTIONS } from '../src/encoding/logprob-item.ts'
import { type Evaluation, LogprobEvaluator } from '../src/evaluation/logprob-evaluator.ts'
import { expandRequest } from '../src/logprob/expand-request.ts'
import { FileChangeDetector } from '../src/model/weights/file-change-detector.ts'
import { REQUEST_CHECKS } from '../src/scoring/checks/request-checks.ts'
import { startBackend } from '../src/serving/backend.ts'
import { PROSE } from './support/prose.ts'
import type { Findings } from './support/result.ts'
import { median, medianRatio, quantile } from './support/statistics.ts'

const REQUESTS = 32
const PAIRS = 8
const ROUNDS = 41
const CHARACTERS = 160
const STAT_CALLS = 2000
const AIM = 0.05

interface Round {
  readonly wallMs: number
  /** Of this process; the engine runs in another. */
  readonly cpuMs: number
}

/** Cost of the checks of every result, compared with the same requests without checks. */
export async function run(): Promise<Findings> {
  const silent = (): void => {}
  const { config } = loadConfig([], {})
  const backend = startBackend(config, { info: silent, warn: silent, error: silent })
  const { context, modelPaths } = await backend.ready
  const evaluators = { with: new LogprobEvaluator(context, backend.scheduler, REQUEST_CHECKS), without: new LogprobEvaluator(context, backend.scheduler, []) }
  const rounds: Record<'with' | 'without', Round[]> = { with: [], without: [] }
  for (let round = -1; round < ROUNDS; round++) {
    // They alternate in going first, so that neither always benefits from the caches of the other.
    const order = round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)
    for (const name of order) {
      const taken = await roundOf(evaluators[name])
      if (round >= 0) rounds[name].push(taken)
    }
  }
  const statUs = microsecondsOfStat(modelPaths)
  await backend.close()

  const walls = { with: rounds.with.map(({ wallMs }) => wallMs), without: rounds.without.map(({ wallMs }) => wallMs) }
  const cpus = { with: rounds.with.map(({ cpuMs }) => cpuMs), without: rounds.without.map(({ cpuMs }) => cpuMs) }
  const items = REQUESTS * PAIRS
  const overhead = medianRatio(walls.with, walls.without) - 1
  const row = (name: 'with' | 'without'): (string | number)[] => [
    name,
    median(walls[name]),
    quantile(walls[name], 0.1),
    quantile(walls[name], 0.9),
    (1000 * items) / median(walls[name]),
    (1000 * median(cpus[name])) / items
  ]
  return {
    question: 'How much throughput do the checks of every result cost?',
    settings: { requests: REQUESTS, pairs_per_request: PAIRS, characters: CHARACTERS, rounds: ROUNDS },
    tables: [
      {
        title: `${items} pairs scored by the embedded model, all requests at once, variants interleaved`,
        columns: ['checks', 'p50 ms', 'p10 ms', 'p90 ms', 'pairs/s', 'front CPU, microseconds per pair'],
        rows: [row('with'), row('without')]
      }
    ],
    aims: [{ aim: `checks of every result take at most ${100 * AIM} % of the throughput`, measured: overhead, isMet: overhead <= AIM }],
    notes: [
      'The overhead is the median of the ratios of consecutive rounds. A value below 0 is noise.',
      `Both variants include what cannot be turned off: the checksum of each sequence, and the file-change detector after each forward pass, ${statUs.toFixed(1)} microseconds.`
    ],
    samples: { 'with checks, ms': walls.with, 'without checks, ms': walls.without }
  }
}

async function roundOf(evaluator: LogprobEvaluator): Promise<Round> {
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  const evaluations = await Promise.all(
    Array.from(
      { length: REQUESTS },
      (_, request): Promise<Evaluation> => evaluator.evaluate(itemsOf(request), DEFAULT_OPTIONS, { signal: AbortSignal.timeout(60_000) })
    )
  )
  const outcomes = await Promise.all(evaluations.flatMap((evaluation) => evaluation.outcomes))
  if (outcomes.some((outcome) => 'error' in outcome)) throw new Error('a pair could not be scored')
  const { user, system } = process.cpuUsage(cpu)
  return { wallMs: performance.now() - began, cpuMs: (user + system) / 1000 }
}

function itemsOf(request: number): ReturnType<typeof expandRequest> {
  const pairs = Array.from({ length: PAIRS }, (_, pair) => {
    const start = (37 * (request * PAIRS + pair)) % (PROSE.length - CHARACTERS)
    const text = PROSE.slice(start, start + CHARACTERS)
    const cut = text.indexOf(' ', CHARACTERS / 2)
    return { x: text.slice(0, cut), y: text.slice(cut) }
  })
  return expandRequest({ pairs })
}

function microsecondsOfStat(paths: readonly string[]): number {
  const detector = new FileChangeDetector(paths)
  const began = performance.now()
  for (let call = 0; call < STAT_CALLS; call++) detector.changedFile()
  return (1000 * (performance.now() - began)) / STAT_CALLS
}
