import { availableParallelism } from 'node:os'
import type { InferenceSession } from 'onnxruntime-node'
import type { EngineSpec } from '../protocol.ts'

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
