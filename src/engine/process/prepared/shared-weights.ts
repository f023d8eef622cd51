import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { InferenceSession } from 'onnxruntime-node'
import { removeStale, unfitFolder } from './prepared-folder.ts'
import { type PreparedFor, preparedKey } from './prepared-key.ts'
import { openPrepared, type Prepared, prepare, verdictIn } from './prepared-session.ts'

export interface SharedWeightsParts extends PreparedFor {
  /** Where prepared weights of all models are kept. */
  readonly folder: string
  /** What a session answers to fixed passes, as one hash. */
  readonly probe: (session: InferenceSession) => Promise<string>
}

/**
 * A session on weights that every engine process of a model maps from one file, as the matrix kernels want them; the first
 * process to come writes the file. Or the reason why this model, here, has to have them in memory of each process.
 */
export async function sharedWeights({ folder, probe, ...parts }: SharedWeightsParts): Promise<Prepared> {
  const weightBytes = parts.paths.reduce((sum, path) => sum + statSync(path).size, 0)
  const place = join(folder, await preparedKey(parts))
  if (verdictIn(place) === null) {
    const unfit = unfitFolder(folder, weightBytes)
    if (unfit !== null) return { reason: unfit }
    try {
      removeStale(folder)
      await prepare(place, parts.graph, parts.options, probe)
    } catch (error) {
      return { reason: `prepared weights could not be written to ${folder}: ${error instanceof Error ? error.message : String(error)}` }
    }
  }
  const verdict = verdictIn(place)
  return verdict === null ? { reason: `${place} cannot be read` } : openPrepared(place, verdict, parts.options, probe)
}
