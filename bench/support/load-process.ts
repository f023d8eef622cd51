/**
 * A process that loads one model in the bare runtime or as the engine does, scores once, and reports its memory after
 * each step.
 */

import { feedMakers, passFeeds } from '../../src/engine/process/feeds.ts'
import { InferenceSession, type Tensor } from '../../src/engine/process/onnxruntime.ts'
import { plainPass } from '../../src/engine/process/pass.ts'
import { loadModel } from '../../src/engine/process/session.ts'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { SCORING_INPUTS } from '../../src/model/onnx/scoring-graph.ts'
import type { LoadReport, LoadVariant } from '../model-loading.ts'
import { specOf } from './models.ts'
import { type ProcessMemory, processMemory } from './process-memory.ts'
import { randomBatch } from './random-batch.ts'

const [folder = '', variant = 'bare', sequences = '1', tokens = '64'] = process.argv.slice(2) as [string, LoadVariant, string, string]
const spec = specOf(folder)
const batch = randomBatch(spec.vocabSize, Number(sequences), Number(tokens))
const base = memory()
const began = performance.now()
const run = variant === 'bare' ? await bare() : await engine()
const loadMs = performance.now() - began
const loaded = memory()
await run()
const report: LoadReport = { loadMs, base, loaded, scored: memory() }
process.send?.(report, () => process.exit(0))

/** A session of the bare runtime with all defaults except the number of threads. */
async function bare(): Promise<() => Promise<void>> {
  const session = await InferenceSession.create(spec.onnxPath, { intraOpNumThreads: spec.threads, logSeverityLevel: 4 })
  return async () => {
    const makers = feedMakers(readOnnx(spec.onnxPath).inputs, { headSize: spec.headSize, keyValueHeads: spec.keyValueHeads ?? 0 })
    const { feeds } = passFeeds(makers, plainPass(batch.sequences), batch, { maxChunkRows: 1, maxProbedRows: 0 })
    const added = new Set<string>(Object.values(SCORING_INPUTS))
    const own: Record<string, Tensor> = Object.fromEntries(Object.entries(feeds).filter(([name]) => !added.has(name)))
    await session.run(own, ['logits'])
  }
}

async function engine(): Promise<() => Promise<void>> {
  const model = await loadModel(spec)
  return async () => void (await model.score(batch))
}

function memory(): ProcessMemory {
  const found = processMemory()
  if (found === null) throw new Error('this benchmark reads /proc/self/status, which this system does not have')
  return found
}
