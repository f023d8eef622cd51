/**
 * ONNX Runtime without telemetry. Everything in this repository imports the runtime from here, because the native
 * library reads the variable when it is loaded (test/architecture.test.ts).
 */

import '../../process/no-telemetry.ts'

export { InferenceSession, Tensor } from 'onnxruntime-node'
