import { mkdirSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { mebibytes } from '../../../memory/mebibytes.ts'

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
