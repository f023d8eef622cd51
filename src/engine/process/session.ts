import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { ServiceError } from '../../errors.ts'
import { wholeTensorQuantizers } from '../../model/onnx/dynamic-quantization.ts'
import { BFLOAT16, type Graph } from '../../model/onnx/graph.ts'
import { readOnnx } from '../../model/onnx/read.ts'
import { scoringGraph } from '../../model/onnx/scoring-graph.ts'
import { writeOnnx } from '../../model/onnx/write.ts'
import { WeightsGuard } from '../../model/weights-guard.ts'
import type { Batch, BatchScores } from '../engine.ts'
import type { EngineSpec } from '../protocol.ts'
import { buildFeeds, feedMakers } from './feeds.ts'
import { rowProbesOf, rowScoresOf } from './row-scores.ts'
import { sessionOptions } from './session-options.ts'

/** Floats of one chunk of logits, 16 MB: large enough to fill the matrix kernels, small beside any model. */
const CHUNK_LOGITS = 1 << 22
const MIN_CHUNK_ROWS = 16
const MAX_CHUNK_ROWS = 512
/** Raw logits that a batch may give out; with their log-probs 128 MB. */
const PROBED_LOGITS = 1 << 24

export interface LoadedModel {
  readonly original: Graph
  readonly scoring: Graph
  readonly weightFiles: readonly string[]
  /** Whether it quantizes activations over whole tensors: tokens then depend on later ones and on their neighbours. */
  readonly isApproximate: boolean
  readonly guard: WeightsGuard
  score(batch: Batch): Promise<BatchScores>
  /** Gives the memory back; nothing can be scored after. */
  release(): Promise<void>
}

/** Loads a model as a scoring graph. Throws `model_invalid` or `model_unsupported` with the reason. */
export async function loadModel(spec: EngineSpec): Promise<LoadedModel> {
  // In a cache the model file is a link to a blob of another name; onnxruntime wants the real path of the weights.
  const path = realpathSync(spec.onnxPath)
  const original = readOnnx(path)
  const scoring = scoringGraph(original)
  const weightFiles = weightFilesOf(scoring, basename(path))
  const guard = new WeightsGuard([path, ...weightFiles.map((file) => join(dirname(path), file))])
  const makers = feedMakers(scoring.inputs, { headSize: spec.headSize, keyValueHeads: spec.keyValueHeads ?? 0 })
  const session = await createSession(spec, dirname(path), scoring)
  const limits = {
    maxChunkRows: Math.min(MAX_CHUNK_ROWS, Math.max(MIN_CHUNK_ROWS, Math.floor(CHUNK_LOGITS / spec.vocabSize))),
    maxProbedRows: Math.floor(PROBED_LOGITS / spec.vocabSize)
  }

  return {
    original,
    scoring,
    weightFiles,
    guard,
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

async function createSession(spec: EngineSpec, folder: string, scoring: Graph): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(writeOnnx(scoring), sessionOptions(spec, folder))
  } catch (error) {
    const advice = scoring.initializers.some(({ dataType }) => dataType === BFLOAT16) ? '. It has bfloat16 weights: on a CPU use an export in fp32 or fp16' : ''
    const reason = error instanceof Error ? error.message : String(error)
    throw new ServiceError('model_invalid', `onnxruntime could not load the model: ${reason}${advice}`, { cause: error })
  }
}
