import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { combinedHash, type FileHash } from '../weights/file-hashes.ts'
import { type EightBitForm, SETTINGS } from './form.ts'

/** A new one for each change of what a cached file holds. */
const FORMAT_VERSION = 1

/**
 * Where rounded weights are kept, by the environment of the command: `logpr/precision` in XDG_CACHE_HOME, else in ~/.cache. Not beside the model: its folder may
 * be read-only or shared, its files are listed and hashed, and a hub's cache has a layout of its own.
 */
export function precisionFolder(env: Readonly<Record<string, string | undefined>>): string {
  const named = env.XDG_CACHE_HOME?.trim()
  // Relative ones are to be ignored, says the XDG specification.
  return join(named?.startsWith('/') ? named : join(homedir(), '.cache'), 'logpr', 'precision')
}

/** What a cached file depends on, as its name: the content of the model's files, how they are rounded, the layout. */
export function precisionKey(files: readonly Pick<FileHash, 'file' | 'sha256'>[], form: EightBitForm): string {
  return createHash('sha256')
    .update(`${FORMAT_VERSION}\n${SETTINGS[form]}\n${combinedHash(files)}\n`)
    .digest('hex')
}
