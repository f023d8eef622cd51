import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { GPT2_124M, GPT2_FORMATS, type Gpt2Format } from './models/gpt2-graph.ts'
import { cachedGpt2 } from './models/write-gpt2.ts'
import type { ProcessMemory } from './support/process-memory.ts'
import { watchAnonymous } from './support/process-memory.ts'
import type { Cell, Findings } from './support/result.ts'
import { median, medianRatio } from './support/statistics.ts'

const REPETITIONS = 3
const MOST = 1.15
const MIB = 2 ** 20

export type LoadVariant = 'bare' | 'logpr'
/** Memory of a new process, after loading the model, and after one pass over 64 tokens. */
export interface LoadReport {
  readonly loadMs: number
  readonly base: ProcessMemory
  readonly loaded: ProcessMemory
  readonly scored: ProcessMemory
}
type Load = LoadReport & { readonly peakAnonymousBytes: number }

const NAMES: Readonly<Record<Gpt2Format, string>> = {
  fp32: 'float32, weights beside the .onnx',
  inline: 'float32, weights inside the .onnx',
  fp16: 'float16',
  q4: '4 bits in blocks of 32'
}

export async function run(): Promise<Findings> {
  const folders = GPT2_FORMATS.map((format) => [format, cachedGpt2(GPT2_124M, 0, format)] as const)
  const rows: Cell[][] = []
  const samples: Record<string, number[]> = {}
  const ratios: number[] = []
  for (const [format, folder] of folders) {
    const loads: Record<LoadVariant, Load[]> = { bare: [], logpr: [] }
    // The first process reads the file from disk.
    await loadOnce(folder, 'bare')
    for (let i = 0; i < REPETITIONS; i++) for (const variant of ['bare', 'logpr'] as const) loads[variant].push(await loadOnce(folder, variant))
    const peaks = (variant: LoadVariant): number[] => loads[variant].map(({ scored }) => scored.peakResidentBytes / MIB)
    const times = (variant: LoadVariant): number[] => loads[variant].map(({ loadMs }) => loadMs)
    ratios.push(medianRatio(peaks('logpr'), peaks('bare')))
    for (const variant of ['bare', 'logpr'] as const) {
      const of = (read: (load: Load) => number): number => median(loads[variant].map(read)) / MIB
      rows.push([
        `${NAMES[format]}: ${variant}`,
        median(times(variant)),
        of(({ loaded }) => loaded.anonymousBytes),
        of(({ loaded }) => loaded.fileBytes),
        of(({ peakAnonymousBytes }) => peakAnonymousBytes),
        median(peaks(variant)),
        variant === 'bare' ? null : medianRatio(times('logpr'), times('bare')),
        variant === 'bare' ? null : (ratios.at(-1) ?? null)
      ])
      samples[`${format} ${variant} ms`] = times(variant)
      samples[`${format} ${variant} peak MiB`] = peaks(variant)
    }
  }
  const worst = Math.max(...ratios)
  return {
    question: 'How much does loading a model cost, compared with the bare runtime?',
    settings: { repetitions: REPETITIONS, parameters: '124M', pass_tokens: 64 },
    tables: [
      {
        title: 'GPT-2 with 124M parameters',
        columns: ['variant', 'load ms', 'private MiB', 'from files MiB', 'peak private MiB', 'peak MiB', 'time / bare', 'peak / bare'],
        rows
      }
    ],
    aims: [
      { aim: `peak memory of loading and a first pass at most ${MOST} times the bare runtime's (worst of four formats)`, measured: worst, isMet: worst <= MOST }
    ],
    notes: [
      '`bare` calls InferenceSession.create on the file in its own process. `logpr` does what the engine process does, in another process. They alternate. A first load that reads the disk is not counted.',
      '`private` is anonymous memory, which the system cannot drop. `from files` is pages of libraries and of mapped weights, which it may drop. `peak` is the highest resident memory of both kinds together, including a first pass over 64 tokens.',
      'The bare runtime copies weights inside the .onnx when it reads the file; logpr maps them in place.'
    ],
    samples
  }
}

export function loadOnce(folder: string, variant: LoadVariant): Promise<Load> {
  const child = fork(new URL(`./support/load-process${extname(import.meta.url)}`, import.meta.url), [folder, variant])
  const watch = watchAnonymous(child.pid ?? 0)
  return new Promise((resolve, reject) => {
    child.once('message', (report: LoadReport) => resolve({ ...report, peakAnonymousBytes: watch.stop() }))
    child.once('exit', (code) => {
      watch.stop()
      reject(new Error(`loading by ${variant} ended with exit code ${code} and no answer`))
    })
  })
}
