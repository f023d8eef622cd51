import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import type { EngineSpec } from '../../src/engine/protocol.ts'
import type { Graph } from '../../src/model/onnx/graph.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'

/** A session of any graph with the options that src/engine/process/session.ts sets. */
export function createSession({ onnxPath, threads }: EngineSpec, graph: Graph): Promise<InferenceSession> {
  return InferenceSession.create(writeOnnx(graph), {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableMemPattern: false,
    logSeverityLevel: 4,
    extra: {
      session: {
        model_external_initializers_file_folder_path: dirname(onnxPath),
        intra_op: { allow_spinning: threads > Math.max(1, availableParallelism() - 1) ? '0' : '1' }
      }
    }
  })
}
