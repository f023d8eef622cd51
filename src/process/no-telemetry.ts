/**
 * Turns off the telemetry of ONNX Runtime, which is on by default since 1.30: it looks up Microsoft's collector, reads
 * /etc/machine-id and writes a database below ~/.cache/Microsoft and a log in the temporary folder, with the names of
 * models and graphs. Import this module before the first import of the runtime; the runtime reads the variable with
 * getenv when it is loaded.
 */

import { isMainThread } from 'node:worker_threads'

// In a worker thread, process.env is a copy that getenv does not see.
if (!isMainThread && process.env.ORT_DISABLE_TELEMETRY !== '1')
  throw new Error('ONNX Runtime would send telemetry: import process/no-telemetry.ts in the main thread before starting this worker thread')
process.env.ORT_DISABLE_TELEMETRY = '1'
