import type { Graph } from '../../model/onnx/graph.ts'
import { wholeTensorQuantizers } from '../../model/onnx/numerics.ts'
import { type PreparedPrecision, withEightBitWeights } from '../../model/precision/prepare.ts'
import { openGraph } from '../../model/weights/open-graph.ts'
import type { Batch, BatchScores } from '../engine.ts'
import type { EngineSpec, SharingLimits } from '../protocol.ts'
import { type OpenSession, openSession } from './open-session.ts'
import { plainPass } from './pass.ts'
import { rowProbesOf, rowScoresOf } from './row-scores.ts'
import { PassRunner } from './run-pass.ts'
import { ModelSharing } from './sharing/model-sharing.ts'
import { sharableGraph } from './sharing/sharable-graph.ts'

export interface LoadedModel extends Omit<OpenSession, 'session'> {
  readonly original: Graph
  readonly scoring: Graph
  /**
   * Whether it quantizes activations over whole tensors, so that tokens depend on later ones and on their neighbours.
   */
  readonly isApproximate: boolean
  /** Its 8-bit weights; null when it runs with the weights of its file. */
  readonly precision: PreparedPrecision | null
  /** Prefix sharing of its batches; the self-test may switch it off. */
  readonly sharing: ModelSharing
  score(batch: Batch): Promise<BatchScores>
  /** Says which tokens begin a word or end the text, for the measure `word_starts`. */
  setWordStarts(ids: Int32Array): void
  /** Frees its memory; `score` fails afterwards. */
  release(): Promise<void>
}

const NO_SHARING: SharingLimits = { packing: false, prefixCacheBytes: 0, maxAttentionBytes: Number.POSITIVE_INFINITY, slidingWindow: null, heads: 0 }

/**
 * Loads a model as a scoring graph; `sessionOptions` explains `keepsWeightsMapped`. Throws `model_invalid`,
 * `model_unsupported` or `model_too_large` with the reason, and `cache_failed` when the 8-bit weights cannot be written
 * to the cache folder.
 */
export async function loadModel(spec: EngineSpec, keepsWeightsMapped = false): Promise<LoadedModel> {
  const opened = openGraph(spec)
  const precision = spec.precision === undefined ? null : await withEightBitWeights(opened, spec.precision)
  const { graph, folder, located } = precision?.opened ?? opened
  const limits = spec.sharing ?? NO_SHARING
  const sharable = sharableGraph(graph, limits)
  const runner = new PassRunner(sharable, { headSize: spec.headSize, keyValueHeads: spec.keyValueHeads ?? 0 }, spec.vocabSize)
  const files = { files: opened.files, folder, located }
  const { session, ...rest } = await openSession(spec, files, sharable, (batch) => runner.plainFeeds(batch), keepsWeightsMapped)

  const prefixCacheBytes = rest.memory?.prefixCacheBytes ?? limits.prefixCacheBytes
  const sharing = new ModelSharing(sharable, runner.cacheTensors, { ...limits, prefixCacheBytes }, spec, async (pass, batch, wantsPresent) => {
    const { outputs, present, runMs } = await runner.run(session, pass, batch, wantsPresent)
    return { rows: rowScoresOf(outputs, batch, pass), present, runMs }
  })

  return {
    original: opened.graph,
    scoring: sharable.graph,
    ...rest,
    precision,
    sharing,
    isApproximate: wholeTensorQuantizers(opened.graph).length > 0,
    setWordStarts: (ids) => runner.setWordStarts(ids),
    release: () => session.release(),
    async score(batch) {
      if (batch.layout === 'shared' && sharing.isOn) return sharing.scoring.score(batch)
      const pass = plainPass(batch.sequences)
      const { outputs, plan, runMs } = await runner.run(session, pass, batch)
      return { rows: rowScoresOf(outputs, batch, pass), probes: rowProbesOf(outputs, batch, plan), runMs }
    }
  }
}
