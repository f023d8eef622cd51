import { createHash } from 'node:crypto'
import { arch, cpus } from 'node:os'
import type { InferenceSession } from 'onnxruntime-node'
import { cpuFlags, cpuInfo } from '../../../model/cpu-flags.ts'
import { hashFiles } from '../../../model/weights/file-hashes.ts'

/** Of what is written and how it is loaded; another one when either changes. */
const FORMAT = 1

export interface PreparedFor {
  /** The scoring graph, encoded: it says where in the files each weight lies. */
  readonly graph: Uint8Array
  /** Files of the model. */
  readonly paths: readonly string[]
  /** How the graph is run; folders in it do not count. */
  readonly options: InferenceSession.SessionOptions
  readonly runtimeVersion: string
}

/** A name for weights as onnxruntime prepares them: another one for whatever the prepared bytes or the numbers could depend on. */
export async function preparedKey({ graph, paths, options, runtimeVersion }: PreparedFor): Promise<string> {
  const weights = await hashFiles(paths)
  const { extra: _, ...run } = options
  return createHash('sha256')
    .update(JSON.stringify([FORMAT, runtimeVersion, processorName(), run, weights.map(({ sha256 }) => sha256)]))
    .update(graph)
    .digest('hex')
    .slice(0, 32)
}

/** Model and features of the processor: kernels, and with them the form of the weights, are chosen by these. */
function processorName(): string {
  return `${arch()} ${cpus()[0]?.model ?? ''} ${cpuFlags(cpuInfo())}`
}
