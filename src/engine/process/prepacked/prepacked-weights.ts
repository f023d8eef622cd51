import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { arch, cpus } from 'node:os'
import { join } from 'node:path'
import { hashFiles } from '../../../model/weights/file-hashes.ts'
import { cpuFlags, cpuInfo } from '../../../process/cpu-flags.ts'
import { mebibytes } from '../../../process/mebibytes.ts'
import type { InferenceSession } from '../onnxruntime.ts'
import { openPrepacked, type PrepackedSession, type Probe, prepack, readVerdict } from './prepacked-session.ts'

interface PrepackedWeightsParts extends KeyParts {
  /** Parent folder for the prepacked weights of all models. */
  readonly folder: string
  readonly probe: Probe
}

/**
 * Opens a session on weights in the layout of onnxruntime's matrix kernels, in a file that every engine process of the
 * model maps. The first process writes the file. Returns the reason when each process has to keep its own copy instead.
 */
export async function openPrepackedWeights({ folder, probe, ...parts }: PrepackedWeightsParts): Promise<PrepackedSession> {
  const weightBytes = parts.paths.reduce((sum, path) => sum + statSync(path).size, 0)
  const modelFolder = join(folder, await prepackedKey(parts))
  if (readVerdict(modelFolder) === null) {
    const unfit = unfitFolder(folder, weightBytes)
    if (unfit !== null) return { reason: unfit }
    try {
      removeStale(folder)
      await prepack(modelFolder, parts.graph, parts.options, probe)
    } catch (error) {
      return { reason: `prepacked weights could not be written to ${folder}: ${error instanceof Error ? error.message : String(error)}` }
    }
  }
  const verdict = readVerdict(modelFolder)
  return verdict === null ? { reason: `${modelFolder} cannot be read` } : openPrepacked(modelFolder, verdict, parts.options, probe)
}

/** Filesystem types that statfs(2) reports. */
const TMPFS = 0x01021994
const RAMFS = 0x858458f6
/**
 * The file holds original, packed and folded weights: up to 2.3 times the model was measured
 * (docs/decisions/0017-replicas.md).
 */
const SPACE_FACTOR = 2.5
/** A folder that is still being written is younger. */
const STALE_MS = 3_600_000

/** Why a folder, which is created if missing, cannot hold prepacked weights; null when it can. */
export function unfitFolder(folder: string, weightBytes: number): string | null {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid, mode } = statSync(folder)
    // The engine computes with these files, so no other user may replace them.
    if (uid !== (process.getuid?.() ?? uid) || (process.getuid !== undefined && (mode & 0o022) !== 0))
      return `${folder} is writable by other users; set --prepared-folder to a folder that only this user can write to`
    const { type, bavail, bsize } = statfsSync(folder)
    if (type === TMPFS || type === RAMFS)
      return `${folder} is an in-memory filesystem, where the file itself would occupy memory; set --prepared-folder to a folder on a disk`
    const needed = SPACE_FACTOR * weightBytes
    return bavail * bsize >= needed ? null : `${folder} has ${mebibytes(bavail * bsize)} free, but prepacked weights need ${mebibytes(needed)}`
  } catch (error) {
    return `${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Removes the partial folders of processes that were killed while they prepacked. */
export function removeStale(folder: string, nowMs = Date.now()): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (name.endsWith('.part') && nowMs - statSync(path).mtimeMs > STALE_MS) rmSync(path, { recursive: true, force: true })
  }
}

/** Version of what is written and how it is loaded; increase it when either changes. */
const FORMAT = 1

interface KeyParts {
  /** The encoded scoring graph, which has the place of each weight in the model's files. */
  readonly graph: Uint8Array
  /** Files of the model. */
  readonly paths: readonly string[]
  /** Options of the session; its `extra`, which names folders, is left out of the key. */
  readonly options: InferenceSession.SessionOptions
  readonly runtimeVersion: string
}

/** Name of the folder for one model: a hash of everything on which the prepacked bytes or the scores could depend. */
async function prepackedKey({ graph, paths, options, runtimeVersion }: KeyParts): Promise<string> {
  const weights = await hashFiles(paths)
  const { extra: _, ...run } = options
  return createHash('sha256')
    .update(JSON.stringify([FORMAT, runtimeVersion, processorName(), run, weights.map(({ sha256 }) => sha256)]))
    .update(graph)
    .digest('hex')
    .slice(0, 32)
}

/** Model and features of the processor, by which onnxruntime chooses its kernels and so the layout of the weights. */
function processorName(): string {
  return `${arch()} ${cpus()[0]?.model ?? ''} ${cpuFlags(cpuInfo())}`
}
