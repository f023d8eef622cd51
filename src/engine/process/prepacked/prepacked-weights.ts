import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { arch, cpus } from 'node:os'
import { join } from 'node:path'
import type { InferenceSession } from 'onnxruntime-node'
import { hashFiles } from '../../../model/weights/file-hashes.ts'
import { cpuFlags, cpuInfo } from '../../../process/cpu-flags.ts'
import { mebibytes } from '../../../process/mebibytes.ts'
import { openPrepacked, type Prepacked, prepack, verdictIn } from './prepacked-session.ts'

interface PrepackedWeightsParts extends PrepackedFor {
  /** Where prepared weights of all models are kept. */
  readonly folder: string
  /** What a session answers to fixed passes, as one hash. */
  readonly probe: (session: InferenceSession) => Promise<string>
}

/**
 * A session on weights that every engine process of a model maps from one file, as the matrix kernels want them; the first
 * process to come writes the file. Or the reason why this model, here, has to have them in memory of each process.
 */
export async function prepackedWeights({ folder, probe, ...parts }: PrepackedWeightsParts): Promise<Prepacked> {
  const weightBytes = parts.paths.reduce((sum, path) => sum + statSync(path).size, 0)
  const place = join(folder, await prepackedKey(parts))
  if (verdictIn(place) === null) {
    const unfit = unfitFolder(folder, weightBytes)
    if (unfit !== null) return { reason: unfit }
    try {
      removeStale(folder)
      await prepack(place, parts.graph, parts.options, probe)
    } catch (error) {
      return { reason: `prepared weights could not be written to ${folder}: ${error instanceof Error ? error.message : String(error)}` }
    }
  }
  const verdict = verdictIn(place)
  return verdict === null ? { reason: `${place} cannot be read` } : openPrepacked(place, verdict, parts.options, probe)
}

const TMPFS = 0x01021994
const RAMFS = 0x858458f6
/** Weights as they were and as they are packed, and the folded ones among them: 2.3 times the file was seen (docs/decisions/0017-replicas.md). */
const SPACE_FACTOR = 2.5
/** A folder that is still being written is younger. */
const STALE_MS = 3_600_000

/** Why weights cannot be prepared in a folder, which it makes when it is missing; null when they can. */
export function unfitFolder(folder: string, weightBytes: number): string | null {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid, mode } = statSync(folder)
    // What lies there is computed with: nobody else may put anything in.
    if (uid !== (process.getuid?.() ?? uid) || (process.getuid !== undefined && (mode & 0o022) !== 0)) return `${folder} can be written to by other users`
    const { type, bavail, bsize } = statfsSync(folder)
    if (type === TMPFS || type === RAMFS)
      return `${folder} lies in memory, where a copy for all would not be given back either; set --prepared-folder to one on a disk`
    const needed = SPACE_FACTOR * weightBytes
    return bavail * bsize >= needed ? null : `${folder} has ${mebibytes(bavail * bsize)} left, and ${mebibytes(needed)} are needed`
  } catch (error) {
    return `${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Removes what writers that were killed left behind. */
export function removeStale(folder: string, nowMs = Date.now()): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (name.endsWith('.part') && nowMs - statSync(path).mtimeMs > STALE_MS) rmSync(path, { recursive: true, force: true })
  }
}

/** Of what is written and how it is loaded; another one when either changes. */
const FORMAT = 1

interface PrepackedFor {
  /** The scoring graph, encoded: it says where in the files each weight lies. */
  readonly graph: Uint8Array
  /** Files of the model. */
  readonly paths: readonly string[]
  /** How the graph is run; folders in it do not count. */
  readonly options: InferenceSession.SessionOptions
  readonly runtimeVersion: string
}

/** A name for weights as onnxruntime prepares them: another one for whatever the prepared bytes or the numbers could depend on. */
async function prepackedKey({ graph, paths, options, runtimeVersion }: PrepackedFor): Promise<string> {
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
