import { fork } from 'node:child_process'
import { extname } from 'node:path'
import type { Batch, BatchScores } from '../src/engine/engine.ts'
import { loadModel } from '../src/engine/process/session.ts'
import { GPT2_124M } from './models/gpt2-graph.ts'
import { RandomNormal } from './models/random-normal.ts'
import { cachedGpt2 } from './models/write-gpt2.ts'
import { loadFullLogits, scoreLogits } from './support/full-logits.ts'
import { EMBEDDED_MODEL, modelName, specOf } from './support/models.ts'
import type { Aim, Findings, ResultTable } from './support/result.ts'
import { maxDifference, median, medianRatio, quantile } from './support/statistics.ts'

const SEQUENCES = 4
export const TOKENS = 256
/** Number of scored rows per sequence, its last ones. */
export const WANTED = 16
const REPETITIONS = 7
const AIM = 2.2

export type Variant = 'full_logits' | 'scoring_all' | 'scoring_wanted'
type Memories = Readonly<Record<Variant, MemoryReport>>
export interface MemoryReport {
  readonly loadedMiB: number
  readonly peakMiB: number
}

/** Every sequence has TOKENS fed tokens, and its last `rows` rows are scored. Ids come from a seed. */
export function workload(vocabSize: number, rows: number): Batch {
  const random = new RandomNormal(1)
  const sequences = Array.from({ length: SEQUENCES }, () => ({
    ids: Int32Array.from({ length: TOKENS + 1 }, () => random.integer(vocabSize)),
    firstScored: TOKENS + 1 - rows
  }))
  return { sequences, topCount: null }
}

export async function run(): Promise<Findings> {
  const folders = [cachedGpt2(GPT2_124M), EMBEDDED_MODEL]
  const memories = []
  for (const folder of folders) memories.push(await memoriesOf(folder))
  process.stdout.write('memory measured; now the times\n')
  const reports = []
  for (const [i, folder] of folders.entries()) reports.push(await compare(folder, memories[i]!))
  const [large] = reports
  return {
    question: 'How much does scoring inside the graph save over returning all logits to JavaScript?',
    settings: {
      sequences: SEQUENCES,
      tokens_per_sequence: TOKENS,
      rows_wanted_per_sequence: WANTED,
      repetitions: REPETITIONS,
      threads: specOf(EMBEDDED_MODEL).threads
    },
    tables: reports.map(({ table }) => table),
    aims: [large!.aim],
    notes: [
      'Variant a: the exported graph returns (4, 256, V) logits; JavaScript computes log-softmax, target and arg-max, with sums in float64. Variant b: the scoring graph, all rows. Variant c: the scoring graph, the last 16 rows of each sequence. Variant a for those 16 rows costs the same pass and less JavaScript.',
      'Each repetition runs the variants one after another; ratios are medians over repetitions. Memory was measured in one process per variant: resident after loading, and the peak during three passes.',
      'The GPT-2 has random weights, which does not affect times.'
    ],
    samples: Object.fromEntries(reports.flatMap(({ samples }) => Object.entries(samples)))
  }
}

async function compare(folder: string, memory: Memories): Promise<{ table: ResultTable; aim: Aim; samples: Record<string, number[]> }> {
  const name = modelName(folder)
  const spec = specOf(folder)
  const full = await loadFullLogits(spec)
  const scoring = await loadModel(spec)
  const all = workload(spec.vocabSize, TOKENS)
  const wanted = workload(spec.vocabSize, WANTED)
  const times = { pass: [] as number[], full: [] as number[], fullWanted: [] as number[], all: [] as number[], wanted: [] as number[] }
  const differences = { all: 0, wanted: 0 }

  for (let repetition = -1; repetition < REPETITIONS; repetition++) {
    const pass = await timed(() => full.logits(all))
    const fullAll = await timed(() => scoreLogits(pass.value, spec.vocabSize, all))
    const fullWanted = await timed(() => scoreLogits(pass.value, spec.vocabSize, wanted))
    const scoredAll = await timed(() => scoring.score(all))
    const scoredWanted = await timed(() => scoring.score(wanted))
    differences.all = Math.max(differences.all, maxDifference(fullAll.value.logProbs, logProbsOf(scoredAll.value)))
    differences.wanted = Math.max(differences.wanted, maxDifference(fullWanted.value.logProbs, logProbsOf(scoredWanted.value)))
    // The first run is a warm-up.
    if (repetition < 0) continue
    times.pass.push(pass.ms)
    times.full.push(pass.ms + fullAll.ms)
    times.fullWanted.push(pass.ms + fullWanted.ms)
    times.all.push(scoredAll.ms)
    times.wanted.push(scoredWanted.ms)
  }

  const row = (label: string, sample: readonly number[], { loadedMiB, peakMiB }: MemoryReport, difference: number | null) => [
    label,
    median(sample),
    quantile(sample, 0.1),
    quantile(sample, 0.9),
    medianRatio(times.full, sample),
    (1000 * SEQUENCES * TOKENS) / median(sample),
    loadedMiB,
    peakMiB,
    difference
  ]
  const ratio = medianRatio(times.full, times.wanted)
  return {
    table: {
      title: name,
      columns: ['variant', 'median ms', 'p10 ms', 'p90 ms', 'a / this', 'tokens/s', 'loaded MiB', 'peak MiB', 'max difference from a, nats'],
      rows: [
        row('a: full logits, all rows', times.full, memory.full_logits, null),
        ['a: forward pass only, no JavaScript', median(times.pass), quantile(times.pass, 0.1), quantile(times.pass, 0.9), null, null, null, null, null],
        row('a: full logits, 16 rows', times.fullWanted, memory.full_logits, null),
        row('b: scoring graph, all rows', times.all, memory.scoring_all, differences.all),
        row('c: scoring graph, 16 rows', times.wanted, memory.scoring_wanted, differences.wanted)
      ]
    },
    aim: { aim: `c at least ${AIM} times faster than a, ${name}`, measured: ratio, isMet: ratio >= AIM },
    samples: Object.fromEntries(Object.entries(times).map(([key, sample]) => [`${name} ${key} ms`, sample]))
  }
}

async function timed<T>(work: () => T | Promise<T>): Promise<{ value: T; ms: number }> {
  const began = performance.now()
  const value = await work()
  return { value, ms: performance.now() - began }
}

function logProbsOf({ rows }: BatchScores): Float64Array {
  return Float64Array.from(rows.flatMap(({ logProbs }) => [...logProbs]))
}

async function memoriesOf(folder: string): Promise<Memories> {
  return {
    full_logits: await memoryOf(folder, 'full_logits'),
    scoring_all: await memoryOf(folder, 'scoring_all'),
    scoring_wanted: await memoryOf(folder, 'scoring_wanted')
  }
}

/** In its own process, because memory that a variant freed would count for the next one. */
function memoryOf(folder: string, variant: Variant): Promise<MemoryReport> {
  const child = fork(new URL(`./support/memory-of-variant${extname(import.meta.url)}`, import.meta.url), [folder, variant])
  return new Promise((resolve, reject) => {
    child.once('message', (report: MemoryReport) => resolve(report))
    child.once('exit', (code) => reject(new Error(`the memory measurement of ${variant} ended with exit code ${code} and no answer`)))
  })
}
