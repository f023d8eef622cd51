import { availableParallelism } from 'node:os'
import { ServiceError } from '../../errors.ts'
import { assertFits, type Fit } from '../../memory/fit.ts'
import { BFLOAT16 } from '../../model/onnx/data-types.ts'
import type { Graph } from '../../model/onnx/graph.ts'
import { writeOnnx } from '../../model/onnx/write.ts'
import { FileChangeDetector } from '../../model/weights/file-change-detector.ts'
import type { OpenGraph } from '../../model/weights/open-graph.ts'
import type { Ability } from '../engine-info.ts'
import type { EngineSpec } from '../protocol.ts'
import { InferenceSession } from './onnxruntime.ts'
import { openPrepackedWeights } from './prepacked/prepacked-weights.ts'
import { type FeedsOf, probeSha256 } from './prepacked/session-probe.ts'
import type { SharableGraph } from './sharing/sharable-graph.ts'

export interface OpenSession {
  readonly session: InferenceSession
  /** Predicted memory of the service; null when `spec.memory` is absent. */
  readonly memory: Fit | null
  /** Over the model's files and all others that the session maps. */
  readonly changeDetector: Pick<FileChangeDetector, 'changedFile'>
  /** Whether the session maps prepacked weights; absent when `spec.prepacked` is. */
  readonly prepackedWeights?: Ability
}

/**
 * Opens a session on the scoring graph of a model, on prepacked weights where `spec` asks for them and the model allows
 * it. Throws `model_invalid` or `model_too_large` with the reason.
 */
export async function openSession(
  spec: EngineSpec,
  { files, folder, located }: Pick<OpenGraph, 'files' | 'folder' | 'located'>,
  { graph: scoring, prefixCache }: Pick<SharableGraph, 'graph' | 'prefixCache'>,
  feedsOf: FeedsOf,
  keepsWeightsMapped = false
): Promise<OpenSession> {
  const { vocabSize, headSize, replicas = 1, memory, prepacked } = spec
  const prefixCacheBytes = prefixCache.isOn ? (spec.sharing?.prefixCacheBytes ?? 0) : 0
  const fit = (engines: number, sharesWeights: boolean): Fit | null =>
    memory === undefined ? null : assertFits({ scoring, vocabSize, headSize, replicas: engines, sharesWeights, prefixCacheBytes, ...memory }, memory.limitBytes)
  // Before the weights are loaded it is unknown whether they can be prepacked, so only this process is counted at
  // first.
  const first = fit(prepacked === undefined ? replicas : 1, false)
  const paths = files.map(({ path }) => path)
  const changeDetector = new FileChangeDetector(paths)
  const relocated = located(scoring)
  const graph = writeOnnx(relocated)
  const options = sessionOptions(spec, folder, keepsWeightsMapped)
  if (prepacked === undefined) return { session: await createSession(graph, options, relocated), memory: first, changeDetector }

  const probe = (session: InferenceSession): Promise<string> => probeSha256(session, { feedsOf, vocabSize, maxModelLen: memory?.maxModelLen ?? 64 })
  const opened = await openPrepackedWeights({ ...prepacked, graph, paths, options, probe })
  if ('reason' in opened) {
    const unshared = fit(replicas, false)
    const prepackedWeights = { isOn: false, reason: opened.reason }
    return { session: await createSession(graph, options, relocated), memory: unshared, changeDetector, prepackedWeights }
  }
  const mapped = new FileChangeDetector(opened.paths)
  return {
    session: opened.session,
    memory: fit(replicas, true),
    changeDetector: { changedFile: () => changeDetector.changedFile() ?? mapped.changedFile() },
    prepackedWeights: { isOn: true, reason: null }
  }
}

async function createSession(graph: Uint8Array, options: InferenceSession.SessionOptions, { initializers }: Graph): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(graph, options)
  } catch (error) {
    const advice = initializers.some(({ dataType }) => dataType === BFLOAT16)
      ? '. The model has bfloat16 weights, which onnxruntime does not multiply on a CPU; use an export in fp32 or fp16'
      : ''
    const reason = error instanceof Error ? error.message : String(error)
    throw new ServiceError('model_invalid', `onnxruntime could not load the model: ${reason}${advice}`, { cause: error })
  }
}

/**
 * Options for a graph whose large weights are in files of `weightsFolder`. `keepsWeightsMapped` stops onnxruntime from
 * repacking them into private memory, which makes passes 5 to 12 % slower: for a session of a pass or two.
 */
export function sessionOptions(
  { executionProvider, threads, sharesCores = false, precision }: Pick<EngineSpec, 'executionProvider' | 'threads' | 'sharesCores' | 'precision'>,
  weightsFolder: string,
  keepsWeightsMapped = false
): InferenceSession.SessionOptions {
  return {
    executionProviders: [executionProvider],
    // The default is the host's core count, which ignores the container's share.
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // Shapes differ from batch to batch, and onnxruntime would keep a pattern for each.
    enableMemPattern: false,
    // Fatal messages only: kernel errors arrive as exceptions, and stderr belongs to the log.
    logSeverityLevel: 4,
    extra: {
      session: {
        // Without VNNI, 8-bit products on x86 saturate silently; '1' selects slower, exact ones. Weights rounded by
        // logpr cannot saturate.
        x64quantprecision: precision === undefined ? '1' : '0',
        disable_prepacking: keepsWeightsMapped ? '1' : '0',
        model_external_initializers_file_folder_path: weightsFolder,
        // Threads that spin after a run take cores from the front process or from another engine process.
        intra_op: { allow_spinning: sharesCores || threads > Math.max(1, availableParallelism() - 1) ? '0' : '1' }
      }
    }
  }
}
