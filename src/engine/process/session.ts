import { InferenceSession } from 'onnxruntime-node'
import { ServiceError } from '../../errors.ts'
import { assertFits, type Fit } from '../../memory/fit.ts'
import { headRowLimits } from '../../memory/head-rows.ts'
import { wholeTensorQuantizers } from '../../model/onnx/dynamic-quantization.ts'
import { BFLOAT16, type Graph } from '../../model/onnx/graph.ts'
import { scoringGraph } from '../../model/onnx/scoring-graph.ts'
import { writeOnnx } from '../../model/onnx/write.ts'
import { type PreparedPrecision, withEightBitWeights } from '../../model/precision/prepare.ts'
import { openGraph } from '../../model/weights/open-graph.ts'
import { WeightsGuard } from '../../model/weights/weights-guard.ts'
import type { Batch, BatchScores } from '../engine.ts'
import type { EngineSpec } from '../protocol.ts'
import { buildFeeds, feedMakers } from './feeds.ts'
import { rowProbesOf, rowScoresOf } from './row-scores.ts'
import { sessionOptions } from './session-options.ts'

export interface LoadedModel {
  readonly original: Graph
  readonly scoring: Graph
  /** Whether it quantizes activations over whole tensors: tokens then depend on later ones and on their neighbours. */
  readonly isApproximate: boolean
  readonly guard: WeightsGuard
  /** Its 8-bit weights; null where it runs on those of its file. */
  readonly precision: PreparedPrecision | null
  /** What it was predicted to need; null where nobody asked. */
  readonly memory: Fit | null
  score(batch: Batch): Promise<BatchScores>
  /** Gives the memory back; nothing can be scored after. */
  release(): Promise<void>
}

/**
 * Loads a model as a scoring graph; `sessionOptions` says what `keepsWeightsMapped` does. Throws `model_invalid`, `model_unsupported`
 * or `model_too_large` with the reason, and `cache_failed` where 8-bit weights cannot be kept.
 */
export async function loadModel(spec: EngineSpec, keepsWeightsMapped = false): Promise<LoadedModel> {
  const opened = openGraph(spec)
  const { graph: original, files } = opened
  const precision = spec.precision === undefined ? null : await withEightBitWeights(opened, spec.precision)
  const { graph, folder, located } = precision?.opened ?? opened
  const scoring = scoringGraph(graph)
  const memory =
    spec.memory === undefined ? null : assertFits({ scoring, vocabSize: spec.vocabSize, headSize: spec.headSize, ...spec.memory }, spec.memory.limitBytes)
  const guard = new WeightsGuard(files.map(({ path }) => path))
  const makers = feedMakers(scoring.inputs, { headSize: spec.headSize, keyValueHeads: spec.keyValueHeads ?? 0 })
  const session = await createSession(located(scoring), sessionOptions(spec, folder, keepsWeightsMapped))
  const limits = headRowLimits(spec.vocabSize)

  return {
    original,
    scoring,
    guard,
    precision,
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

async function createSession(scoring: Graph, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(writeOnnx(scoring), options)
  } catch (error) {
    const advice = scoring.initializers.some(({ dataType }) => dataType === BFLOAT16) ? '. It has bfloat16 weights: on a CPU use an export in fp32 or fp16' : ''
    const reason = error instanceof Error ? error.message : String(error)
    throw new ServiceError('model_invalid', `onnxruntime could not load the model: ${reason}${advice}`, { cause: error })
  }
}
