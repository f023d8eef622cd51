import { InferenceSession } from 'onnxruntime-node'
import { ServiceError } from '../../errors.ts'
import { assertFits, type Fit } from '../../memory/fit.ts'
import { headRowLimits } from '../../memory/head-rows.ts'
import { wholeTensorQuantizers } from '../../model/onnx/dynamic-quantization.ts'
import { BFLOAT16, type Graph } from '../../model/onnx/graph.ts'
import { scoringGraph } from '../../model/onnx/scoring-graph.ts'
import { writeOnnx } from '../../model/onnx/write.ts'
import { openGraph } from '../../model/weights/open-graph.ts'
import { WeightsGuard } from '../../model/weights/weights-guard.ts'
import type { Ability, Batch, BatchScores } from '../engine.ts'
import type { EngineSpec } from '../protocol.ts'
import { buildFeeds, feedMakers } from './feeds.ts'
import { probeSha256 } from './prepared/probe.ts'
import { sharedWeights } from './prepared/shared-weights.ts'
import { rowProbesOf, rowScoresOf } from './row-scores.ts'
import { sessionOptions } from './session-options.ts'

export interface LoadedModel {
  readonly original: Graph
  readonly scoring: Graph
  /** Whether it quantizes activations over whole tensors: tokens then depend on later ones and on their neighbours. */
  readonly isApproximate: boolean
  readonly guard: Pick<WeightsGuard, 'changedFile'>
  /** What it was predicted to need; null where nobody asked. */
  readonly memory: Fit | null
  /** Absent where nobody asked for it. */
  readonly sharedWeights?: Ability
  score(batch: Batch): Promise<BatchScores>
  /** Gives the memory back; nothing can be scored after. */
  release(): Promise<void>
}

/** Loads a model as a scoring graph. Throws `model_invalid`, `model_unsupported` or `model_too_large` with the reason. */
export async function loadModel(spec: EngineSpec): Promise<LoadedModel> {
  const { graph: original, files, folder, located } = openGraph(spec)
  const scoring = scoringGraph(original)
  const fit = (replicas: number, sharesWeights: boolean): Fit | null =>
    spec.memory === undefined
      ? null
      : assertFits({ scoring, vocabSize: spec.vocabSize, headSize: spec.headSize, replicas, sharesWeights, ...spec.memory }, spec.memory.limitBytes)
  const paths = files.map(({ path }) => path)
  const makers = feedMakers(scoring.inputs, { headSize: spec.headSize, keyValueHeads: spec.keyValueHeads ?? 0 })
  const limits = headRowLimits(spec.vocabSize)
  // Whether several share their weights shows only once one has loaded them.
  fit(spec.prepared === undefined ? (spec.replicas ?? 1) : 1, false)
  const ownGuard = new WeightsGuard(paths)
  const graph = writeOnnx(located(scoring))
  const prepared =
    spec.prepared === undefined
      ? null
      : await sharedWeights({
          ...spec.prepared,
          graph,
          paths,
          options: sessionOptions(spec, folder),
          probe: (candidate) => probeSha256(candidate, { makers, limits, vocabSize: spec.vocabSize, maxModelLen: spec.memory?.maxModelLen ?? Infinity })
        })
  const isShared = prepared !== null && 'session' in prepared
  const memory = fit(spec.replicas ?? 1, isShared)
  const session = isShared ? prepared.session : await createSession(spec, folder, scoring, graph)
  const preparedGuard = new WeightsGuard(isShared ? prepared.paths : [])

  return {
    original,
    scoring,
    guard: { changedFile: () => ownGuard.changedFile() ?? preparedGuard.changedFile() },
    memory,
    ...(prepared === null ? {} : { sharedWeights: { isOn: isShared, reason: isShared ? null : prepared.reason } }),
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

async function createSession(spec: EngineSpec, folder: string, scoring: Graph, encoded: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(encoded, sessionOptions(spec, folder))
  } catch (error) {
    const advice = scoring.initializers.some(({ dataType }) => dataType === BFLOAT16) ? '. It has bfloat16 weights: on a CPU use an export in fp32 or fp16' : ''
    const reason = error instanceof Error ? error.message : String(error)
    throw new ServiceError('model_invalid', `onnxruntime could not load the model: ${reason}${advice}`, { cause: error })
  }
}
