import { InferenceSession } from 'onnxruntime-node'
import { ServiceError } from '../../errors.ts'
import { assertFits, type Fit } from '../../memory/fit.ts'
import { BFLOAT16, type Graph } from '../../model/onnx/graph.ts'
import { writeOnnx } from '../../model/onnx/write.ts'
import type { OpenGraph } from '../../model/weights/open-graph.ts'
import { WeightsGuard } from '../../model/weights/weights-guard.ts'
import type { Ability } from '../engine.ts'
import type { EngineSpec } from '../protocol.ts'
import { type FeedsOf, probeSha256 } from './prepared/probe.ts'
import { sharedWeights } from './prepared/shared-weights.ts'
import { sessionOptions } from './session-options.ts'

export interface OpenSession {
  readonly session: InferenceSession
  /** What the service was predicted to need; null where nobody asked. */
  readonly memory: Fit | null
  /** Over the files of the model and all others that it maps. */
  readonly guard: Pick<WeightsGuard, 'changedFile'>
  /** Absent where nobody asked for it. */
  readonly sharedWeights?: Ability
}

/**
 * Opens a session on the scoring graph of a model, with weights that its other engine processes map too where `spec` asks for
 * that and the model allows it. Throws `model_invalid` or `model_too_large` with the reason.
 */
export async function openSession(
  spec: EngineSpec,
  { files, folder, located }: Pick<OpenGraph, 'files' | 'folder' | 'located'>,
  scoring: Graph,
  feedsOf: FeedsOf,
  keepsWeightsMapped = false
): Promise<OpenSession> {
  const { vocabSize, headSize, replicas = 1, memory, prepared } = spec
  const fit = (engines: number, sharesWeights: boolean): Fit | null =>
    memory === undefined ? null : assertFits({ scoring, vocabSize, headSize, replicas: engines, sharesWeights, ...memory }, memory.limitBytes)
  // Whether several share their weights shows only once one has loaded them.
  const first = fit(prepared === undefined ? replicas : 1, false)
  const paths = files.map(({ path }) => path)
  const guard = new WeightsGuard(paths)
  const relocated = located(scoring)
  const graph = writeOnnx(relocated)
  const options = sessionOptions(spec, folder, keepsWeightsMapped)
  if (prepared === undefined) return { session: await createSession(graph, options, relocated), memory: first, guard }

  const probe = (session: InferenceSession): Promise<string> => probeSha256(session, { feedsOf, vocabSize, maxModelLen: memory?.maxModelLen ?? 64 })
  const shared = await sharedWeights({ ...prepared, graph, paths, options, probe })
  if ('reason' in shared) {
    const own = fit(replicas, false)
    return { session: await createSession(graph, options, relocated), memory: own, guard, sharedWeights: { isOn: false, reason: shared.reason } }
  }
  const mapped = new WeightsGuard(shared.paths)
  return {
    session: shared.session,
    memory: fit(replicas, true),
    guard: { changedFile: () => guard.changedFile() ?? mapped.changedFile() },
    sharedWeights: { isOn: true, reason: null }
  }
}

async function createSession(graph: Uint8Array, options: InferenceSession.SessionOptions, { initializers }: Graph): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(graph, options)
  } catch (error) {
    const advice = initializers.some(({ dataType }) => dataType === BFLOAT16) ? '. It has bfloat16 weights: on a CPU use an export in fp32 or fp16' : ''
    const reason = error instanceof Error ? error.message : String(error)
    throw new ServiceError('model_invalid', `onnxruntime could not load the model: ${reason}${advice}`, { cause: error })
  }
}
