import { dirname } from 'node:path'
import { InferenceSession } from '../../src/engine/process/onnxruntime.ts'
import { sessionOptions } from '../../src/engine/process/open-session.ts'
import type { EngineSpec } from '../../src/engine/protocol.ts'
import type { Graph } from '../../src/model/onnx/graph.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'

/** A session of any graph with the engine's options. */
export function createSession(spec: EngineSpec, graph: Graph): Promise<InferenceSession> {
  return InferenceSession.create(writeOnnx(graph), sessionOptions(spec, dirname(spec.onnxPath)))
}
