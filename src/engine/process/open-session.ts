import { availableParallelism } from 'node:os'
import { InferenceSession } from 'onnxruntime-node'
import { ServiceError } from '../../errors.ts'
import { assertFits, type Fit } from '../../memory/fit.ts'
import { BFLOAT16, type Graph } from '../../model/onnx/graph.ts'
import { writeOnnx } from '../../model/onnx/write.ts'
import { FileChangeDetector } from '../../model/weights/file-change-detector.ts'
import type { OpenGraph } from '../../model/weights/open-graph.ts'
import type { Ability } from '../engine-info.ts'
import type { EngineSpec } from '../protocol.ts'
import { type FeedsOf, probeSha256 } from './prepacked/prepacked-session.ts'
import { prepackedWeights } from './prepacked/prepacked-weights.ts'

interface OpenSession {
  readonly session: InferenceSession
  /** What the service was predicted to need; null where nobody asked. */
  readonly memory: Fit | null
  /** Over the files of the model and all others that it maps. */
  readonly guard: Pick<FileChangeDetector, 'changedFile'>
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
  const { vocabSize, headSize, replicas = 1, memory, prepacked } = spec
  const fit = (engines: number, sharesWeights: boolean): Fit | null =>
    memory === undefined ? null : assertFits({ scoring, vocabSize, headSize, replicas: engines, sharesWeights, ...memory }, memory.limitBytes)
  // Whether several share their weights shows only once one has loaded them.
  const first = fit(prepacked === undefined ? replicas : 1, false)
  const paths = files.map(({ path }) => path)
  const guard = new FileChangeDetector(paths)
  const relocated = located(scoring)
  const graph = writeOnnx(relocated)
  const options = sessionOptions(spec, folder, keepsWeightsMapped)
  if (prepacked === undefined) return { session: await createSession(graph, options, relocated), memory: first, guard }

  const probe = (session: InferenceSession): Promise<string> => probeSha256(session, { feedsOf, vocabSize, maxModelLen: memory?.maxModelLen ?? 64 })
  const shared = await prepackedWeights({ ...prepacked, graph, paths, options, probe })
  if ('reason' in shared) {
    const own = fit(replicas, false)
    return { session: await createSession(graph, options, relocated), memory: own, guard, sharedWeights: { isOn: false, reason: shared.reason } }
  }
  const mapped = new FileChangeDetector(shared.paths)
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

/**
 * How onnxruntime runs a graph whose large weights lie in files of `weightsFolder`. With `keepsWeightsMapped` they are not repacked:
 * 5 to 12 % slower, and without memory of their own, for a session of a pass or two.
 */
export function sessionOptions(
  { executionProvider, threads, sharesCores = false, precision }: Pick<EngineSpec, 'executionProvider' | 'threads' | 'sharesCores' | 'precision'>,
  weightsFolder: string,
  keepsWeightsMapped = false
): InferenceSession.SessionOptions {
  return {
    executionProviders: [executionProvider],
    // Explicit: the default is the host's core count, whatever the container's share of it.
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // Shapes differ from batch to batch; patterns would be kept for each of them.
    enableMemPattern: false,
    // Only fatal: kernel errors come back as exceptions, and stderr belongs to the log.
    logSeverityLevel: 4,
    extra: {
      session: {
        // Without VNNI the 8-bit products of x86 saturate in silence; this takes slower, exact ones. Weights that were rounded here cannot.
        x64quantprecision: precision === undefined ? '1' : '0',
        disable_prepacking: keepsWeightsMapped ? '1' : '0',
        model_external_initializers_file_folder_path: weightsFolder,
        // Threads that spin after a run would take the cores from the front process, or from another engine.
        intra_op: { allow_spinning: sharesCores || threads > Math.max(1, availableParallelism() - 1) ? '0' : '1' }
      }
    }
  }
}
