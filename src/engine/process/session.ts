import type { Fit } from '../../memory/fit.ts'
import { headRowLimits } from '../../memory/head-rows.ts'
import { wholeTensorQuantizers } from '../../model/onnx/dynamic-quantization.ts'
import type { Graph } from '../../model/onnx/graph.ts'
import { scoringGraph } from '../../model/onnx/scoring-graph.ts'
import { openGraph } from '../../model/weights/open-graph.ts'
import type { WeightsGuard } from '../../model/weights/weights-guard.ts'
import type { Ability, Batch, BatchScores } from '../engine.ts'
import type { EngineSpec } from '../protocol.ts'
import { buildFeeds, feedMakers } from './feeds.ts'
import { openSession } from './open-session.ts'
import { rowProbesOf, rowScoresOf } from './row-scores.ts'

export interface LoadedModel {
  readonly original: Graph
  readonly scoring: Graph
  /** Whether it quantizes activations over whole tensors: tokens then depend on later ones and on their neighbours. */
  readonly isApproximate: boolean
  readonly guard: Pick<WeightsGuard, 'changedFile'>
  /** What it was predicted to need; null where nobody asked. */
  readonly memory: Fit | null
  /** Whether its weights are those of all engine processes of the model; absent where nobody asked for it. */
  readonly sharedWeights?: Ability
  score(batch: Batch): Promise<BatchScores>
  /** Gives the memory back; nothing can be scored after. */
  release(): Promise<void>
}

/** Loads a model as a scoring graph. Throws `model_invalid`, `model_unsupported` or `model_too_large` with the reason. */
export async function loadModel(spec: EngineSpec): Promise<LoadedModel> {
  const opened = openGraph(spec)
  const original = opened.graph
  const scoring = scoringGraph(original)
  const makers = feedMakers(scoring.inputs, { headSize: spec.headSize, keyValueHeads: spec.keyValueHeads ?? 0 })
  const limits = headRowLimits(spec.vocabSize)
  const { session, ...rest } = await openSession(spec, opened, scoring, (batch) => buildFeeds(makers, batch, limits).feeds)

  return {
    original,
    scoring,
    ...rest,
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
