import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type BenchModel, benchModel, servedGpt2 } from './models/bench-model.ts'
import { childPids, processMemory, watchAnonymous } from './support/process-memory.ts'
import type { Findings } from './support/result.ts'
import { startServer } from './support/server.ts'
import { flagIfKnown, hasFlag, turnFlags } from './support/server-flags.ts'
import { RandomIds } from './workloads/random-ids.ts'
import { bodyOfItems } from './workloads/requests.ts'

const CONTEXT_TOKENS = 1024
const TEXTS = 6
const VOCABULARIES = [4096, 50_257, 150_000]
const MIB = 2 ** 20
const AIM_MIB = 300 * (1e6 / MIB)

interface Measured {
  readonly model: BenchModel
  readonly prefixCache: string
  readonly weights: number
  readonly loaded: number
  readonly scoring: number
  readonly peak: number
}

/** Memory of the engine process beside the weights while it scores every row of texts that fill the context. */
export async function run(): Promise<Findings> {
  const large = benchModel('gpt2')
  const models = [...VOCABULARIES.map((vocab) => servedGpt2({ layers: 2, hidden: 768, heads: 12, vocab, positions: CONTEXT_TOKENS })), large]
  const measured: Measured[] = []
  for (const model of models) {
    measured.push(await measure(model, 'off', flagIfKnown('prefix-cache-bytes', 0)))
    if (hasFlag('prefix-cache-bytes')) measured.push(await measure(model, 'default', []))
  }
  const worst = Math.max(...measured.map(({ scoring, weights }) => scoring - weights))
  const lines = [...new Set(measured.map(({ prefixCache }) => prefixCache))]
  return {
    question: 'How much memory does the engine need on top of the weights, at a context of 1,024 tokens?',
    settings: { texts: TEXTS, tokens_per_sequence: CONTEXT_TOKENS, rows_wanted: 'all', threads: availableParallelism() },
    tables: [
      {
        title: 'Memory of the engine process, MiB',
        columns: ['model', 'prefix cache', 'weights', 'anonymous, loaded', 'anonymous, peak while scoring', 'peak - weights', 'peak resident'],
        rows: measured.map(({ model, prefixCache, weights, loaded, scoring, peak }) => [
          model.name,
          prefixCache,
          ...[weights, loaded, scoring, scoring - weights, peak].map((bytes) => bytes / MIB)
        ])
      }
    ],
    aims: [{ aim: 'memory on top of the weights while scoring at most 300 MB (worst of these), MiB', measured: worst / MIB, isMet: worst / MIB <= AIM_MIB }],
    notes: [
      'The models that vary the vocabulary have 2 layers of width 768; the last model has all 12. Texts are sent one after another; no two are equal.',
      '`anonymous` is memory that the system cannot drop: the weights as the runtime stores them, its buffers, and Node. `peak resident` is the highest value since the process started. It includes pages of libraries and of mapped weights, which loading reads and the system may drop. `weights` is the size of the file.'
    ],
    figures: [
      {
        kind: 'lines',
        title: 'Memory on top of the weights by vocabulary size, 2 layers',
        x: 'vocabulary size',
        scale: 'logarithmic',
        y: 'MiB',
        lines: lines.map((label) => ({
          label: `prefix cache ${label}`,
          points: measured
            .filter(({ model, prefixCache }) => prefixCache === label && model !== large)
            .map(({ model, scoring, weights }): [number, number] => [model.cost.vocabSize, (scoring - weights) / MIB])
        }))
      }
    ],
    samples: {}
  }
}

async function measure(model: BenchModel, prefixCache: string, flags: readonly string[]): Promise<Measured> {
  const server = await startServer(1, ['--model', model.folder, ...turnFlags(availableParallelism()), ...flags])
  const engine = childPids(server.pid)[0]
  const loaded = engine === undefined ? null : processMemory(engine)
  if (engine === undefined || loaded === null) throw new Error('this benchmark reads /proc, which this system does not have')
  const watch = watchAnonymous(engine)
  const random = new RandomIds(61, model.textVocabSize)
  const contextTokens = Math.min(CONTEXT_TOKENS, model.contextTokens)
  for (let i = 0; i < TEXTS; i++) {
    await server.post('/v1/logprob', bodyOfItems([{ context: [0], continuation: random.ids(contextTokens - 1) }], { terms: ['joint', 'conditional'] }))
  }
  const scoring = watch.stop()
  const peak = processMemory(engine)?.peakResidentBytes ?? Number.NaN
  await server.close()
  return { model, prefixCache, weights: statSync(join(model.folder, 'model.onnx_data')).size, loaded: loaded.anonymousBytes, scoring, peak }
}
