import { InferenceSession, Tensor } from 'onnxruntime-node'
import { ServiceError } from '../../errors.ts'
import { assertFits, type Fit } from '../../memory/fit.ts'
import { headRowLimits } from '../../memory/head-rows.ts'
import { ATTENTION_BIAS } from '../../model/onnx/attention-bias.ts'
import { wholeTensorQuantizers } from '../../model/onnx/dynamic-quantization.ts'
import { BFLOAT16, type Graph } from '../../model/onnx/graph.ts'
import { modelInputs } from '../../model/onnx/model-inputs.ts'
import { ownInputs, SCORING_OUTPUTS } from '../../model/onnx/scoring-graph.ts'
import { writeOnnx } from '../../model/onnx/write.ts'
import { openGraph } from '../../model/weights/open-graph.ts'
import { WeightsGuard } from '../../model/weights/weights-guard.ts'
import type { Batch, BatchScores } from '../engine.ts'
import type { EngineSpec, SharingLimits } from '../protocol.ts'
import { feedMakers, passFeeds, type RowPlan } from './feeds.ts'
import { type Pass, plainPass } from './pass.ts'
import { cacheTensorOf } from './prefix-cache/cache-shape.ts'
import { elementsOf } from './prefix-cache/cache-tensor.ts'
import { rowProbesOf, rowScoresOf } from './row-scores.ts'
import { sessionOptions } from './session-options.ts'
import { ModelSharing } from './shared/model-sharing.ts'
import { sharableGraph } from './shared/sharable-graph.ts'
import type { PassScores } from './shared/shared-scoring.ts'

export interface LoadedModel {
  readonly original: Graph
  readonly scoring: Graph
  /** Whether it quantizes activations over whole tensors: tokens then depend on later ones and on their neighbours. */
  readonly isApproximate: boolean
  readonly guard: WeightsGuard
  /** What it was predicted to need; null where nobody asked. */
  readonly memory: Fit | null
  /** What its batches share; the self-test may switch it off. */
  readonly sharing: ModelSharing
  score(batch: Batch): Promise<BatchScores>
  /** Gives the memory back; nothing can be scored after. */
  release(): Promise<void>
}

/** Of a specification that says nothing of sharing. */
const NO_SHARING: SharingLimits = { packing: false, prefixCacheBytes: 0, maxAttentionBytes: Number.POSITIVE_INFINITY, slidingWindow: null, heads: 0 }

/** Loads a model as a scoring graph. Throws `model_invalid`, `model_unsupported` or `model_too_large` with the reason. */
export async function loadModel(spec: EngineSpec): Promise<LoadedModel> {
  const { graph: original, files, folder, located } = openGraph(spec)
  const limits = spec.sharing ?? NO_SHARING
  const sharable = sharableGraph(original, limits)
  const scoring = sharable.graph
  const memory =
    spec.memory === undefined ? null : assertFits({ scoring, vocabSize: spec.vocabSize, headSize: spec.headSize, ...spec.memory }, spec.memory.limitBytes)
  const guard = new WeightsGuard(files.map(({ path }) => path))
  const sizes = { headSize: spec.headSize, keyValueHeads: spec.keyValueHeads ?? 0 }
  const makers = feedMakers(ownInputs(scoring), sizes)
  const session = await createSession(spec, folder, located(scoring))
  const rowLimits = headRowLimits(spec.vocabSize)
  const inputs = new Map(modelInputs(ownInputs(scoring), sizes).map((input) => [input.name, input]))
  const tensors = sharable.pairs.map(({ past }) => cacheTensorOf(inputs.get(past)!))
  const numbers = Object.values(SCORING_OUTPUTS)

  async function run(pass: Pass, batch: Batch, wantsPresent: boolean): Promise<{ outputs: Readonly<Record<string, Tensor>>; plan: RowPlan; runMs: number }> {
    const { feeds, plan } = passFeeds(makers, pass, batch, rowLimits)
    if (sharable.biasShape !== null) feeds[ATTENTION_BIAS] = biasOf(pass, sharable.biasShape)
    const began = performance.now()
    const outputs = await session.run(feeds, wantsPresent ? [...numbers, ...sharable.pairs.map(({ present }) => present)] : numbers)
    return { outputs, plan, runMs: performance.now() - began }
  }

  const sharing = new ModelSharing(sharable, tensors, limits, spec, async (pass, batch, wantsPresent): Promise<PassScores> => {
    const { outputs, runMs } = await run(pass, batch, wantsPresent)
    const present = wantsPresent
      ? new Map(sharable.pairs.map(({ past, present: name }, t) => [past, elementsOf(tensors[t]!, outputs[name]!.data as ArrayBufferView)]))
      : null
    return { rows: rowScoresOf(outputs, batch, pass.wanted.ofSequence), present, runMs }
  })

  return {
    original,
    scoring,
    guard,
    memory,
    sharing,
    isApproximate: wholeTensorQuantizers(original).length > 0,
    release: () => session.release(),
    async score(batch) {
      if (batch.layout === 'shared' && sharing.isOn) return sharing.scoring.score(batch)
      const pass = plainPass(batch.sequences)
      const { outputs, plan, runMs } = await run(pass, batch, false)
      return { rows: rowScoresOf(outputs, batch, pass.wanted.ofSequence), probes: rowProbesOf(outputs, batch, plan), runMs }
    }
  }
}

/** (1, 1, S, P+S), or one zero for all where nothing is hidden and it is spread over the scores. */
function biasOf({ bias, S, pastLength }: Pass, shape: 'broadcast' | 'full'): Tensor {
  if (bias === null && shape === 'broadcast') return new Tensor('float32', new Float32Array(1), [1, 1, 1, 1])
  return new Tensor('float32', bias ?? new Float32Array(S * (pastLength + S)), [1, 1, S, pastLength + S])
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
