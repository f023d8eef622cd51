import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { ServiceError } from '../../errors.ts'
import { assertFits, type Fit } from '../../memory/fit.ts'
import { headRowLimits } from '../../memory/head-rows.ts'
import { wholeTensorQuantizers } from '../../model/onnx/dynamic-quantization.ts'
import type { Graph } from '../../model/onnx/graph.ts'
import { readOnnx } from '../../model/onnx/read.ts'
import { scoringGraph } from '../../model/onnx/scoring-graph.ts'
import { writeOnnx } from '../../model/onnx/write.ts'
import { WeightsGuard } from '../../model/weights-guard.ts'
import type { Batch, BatchScores } from '../engine.ts'
import type { EngineSpec } from '../protocol.ts'
import { buildFeeds, feedMakers } from './feeds.ts'
import { rowProbesOf, rowScoresOf } from './row-scores.ts'
import { sessionOptions } from './session-options.ts'

export interface LoadedModel {
  readonly original: Graph
  readonly scoring: Graph
  readonly weightFiles: readonly string[]
  /** Whether it quantizes activations over whole tensors: tokens then depend on later ones and on their neighbours. */
  readonly isApproximate: boolean
  readonly guard: WeightsGuard
  /** What it was predicted to need; null where nobody asked. */
  readonly memory: Fit | null
  score(batch: Batch): Promise<BatchScores>
  /** Gives the memory back; nothing can be scored after. */
  release(): Promise<void>
}

/** Loads a model as a scoring graph. Throws `model_invalid`, `model_unsupported` or `model_too_large` with the reason. */
export async function loadModel(spec: EngineSpec): Promise<LoadedModel> {
  // In a cache the model file is a link to a blob of another name; onnxruntime wants the real path of the weights.
  const path = realpathSync(spec.onnxPath)
  const original = readOnnx(path)
  const scoring = scoringGraph(original)
  const memory =
    spec.memory === undefined ? null : assertFits({ scoring, vocabSize: spec.vocabSize, headSize: spec.headSize, ...spec.memory }, spec.memory.limitBytes)
  const weightFiles = weightFilesOf(scoring, basename(path))
  const guard = new WeightsGuard([path, ...weightFiles.map((file) => join(dirname(path), file))])
  const makers = feedMakers(scoring.inputs, spec.headSize)
  const session = await createSession(spec, dirname(path), writeOnnx(scoring))
  const limits = headRowLimits(spec.vocabSize)

  return {
    original,
    scoring,
    weightFiles,
    guard,
    memory,
    isApproximate: wholeTensorQuantizers(original).length > 0,
    release: () => session.release(),
    async score(batch) {
      const { feeds, plan } = buildFeeds(makers, batch, limits)
      const began = performance.now()
      const outputs = await session.run(feeds)
      const runMs = performance.now() - began
      return { rows: rowScoresOf(outputs, batch), probes: rowProbesOf(outputs, batch, plan), runMs }
    }
  }
}

/** Files beside the model file that its large weights lie in. */
function weightFilesOf({ initializers }: Graph, modelFile: string): string[] {
  const locations = initializers.flatMap(({ location }) => (location === null || location === modelFile ? [] : [location]))
  return [...new Set(locations)].sort()
}

async function createSession(spec: EngineSpec, folder: string, model: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(model, sessionOptions(spec, folder))
  } catch (error) {
    throw new ServiceError('model_invalid', `onnxruntime could not load the model: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
