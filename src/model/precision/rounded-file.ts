import { createHash, type Hash, randomUUID } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { ServiceError } from '../../errors.ts'
import { combinedHash, type FileHash } from '../weights/file-hashes.ts'
import { type EightBitForm, SETTINGS } from './eight-bit-form.ts'

/** At the end of each file: what it is, and the SHA-256 of all bytes before this. */
const MAGIC = Buffer.from('logpr\0\0\x01')
const HASH_BYTES = 32
const FOOTER_BYTES = MAGIC.length + HASH_BYTES
const MIB = 1 << 20
const CHUNK_BYTES = 4 * MIB
const UNFINISHED = '.part'
/** Nobody writes a file for so long: longer than any start may take. */
const ABANDONED_MS = 3 * 3_600_000

/** Appends bytes to a file that is being written. */
interface CacheWriter {
  /** Fills up with zeros as far as `offset`, then writes. Throws RangeError when the file is longer already. */
  writeAt(offset: number, bytes: Uint8Array): void
}

/** Whether a file of the cache is there and whole: of the expected size (null: of any) and with the content that was written. */
export function isWhole(path: string, sizeBytes: number | null): boolean {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch {
    return false
  }
  try {
    const contentBytes = fstatSync(descriptor).size - FOOTER_BYTES
    if (contentBytes < 0 || (sizeBytes !== null && contentBytes !== sizeBytes)) return false
    const hash = createHash('sha256')
    const chunk = new Uint8Array(CHUNK_BYTES)
    for (let at = 0; at < contentBytes; ) {
      const count = readSync(descriptor, chunk, 0, Math.min(chunk.length, contentBytes - at), at)
      if (count === 0) return false
      hash.update(chunk.subarray(0, count))
      at += count
    }
    const footer = Buffer.alloc(FOOTER_BYTES)
    return readSync(descriptor, footer, 0, FOOTER_BYTES, contentBytes) === FOOTER_BYTES && footer.equals(footerOf(hash))
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Writes a file that is there as a whole or not at all: under a name of its own, to the disk, then renamed. Who has another file
 * of that name open keeps it. `confirm` runs before the file gets its name; what it throws leaves none. Throws `cache_failed`.
 */
export function writeWhole(path: string, write: (writer: CacheWriter) => void, confirm: () => void = () => {}): void {
  const temporary = `${path}.${process.pid}.${randomUUID()}${UNFINISHED}`
  let descriptor: number | undefined
  try {
    mkdirSync(dirname(path), { recursive: true })
    removeAbandoned(dirname(path))
    descriptor = openSync(temporary, 'wx')
    const hash = createHash('sha256')
    write(writerOf(descriptor, hash))
    writeFully(descriptor, footerOf(hash))
    fsyncSync(descriptor)
    confirm()
    renameSync(temporary, path)
  } catch (error) {
    if (descriptor !== undefined) rmSync(temporary, { force: true })
    throw refusal(error, dirname(path))
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** What processes left that were killed while they wrote. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const written = name.endsWith(UNFINISHED) ? statSync(path, { throwIfNoEntry: false })?.mtimeMs : undefined
    if (written !== undefined && Date.now() - written > ABANDONED_MS) rmSync(path, { force: true })
  }
}

function writerOf(descriptor: number, hash: Hash): CacheWriter {
  let end = 0
  const append = (bytes: Uint8Array): void => {
    hash.update(bytes)
    writeFully(descriptor, bytes)
    end += bytes.length
  }
  return {
    writeAt(offset, bytes) {
      if (offset < end) throw new RangeError(`byte ${offset} was written already`)
      if (offset > end) append(new Uint8Array(offset - end))
      append(bytes)
    }
  }
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
}

function footerOf(hash: Hash): Buffer {
  return Buffer.concat([MAGIC, hash.digest()])
}

/** Failures of the file system; others are passed on. */
function refusal(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof ServiceError || code === undefined || !/^E[A-Z]+$/.test(code)) return error
  const reason =
    code === 'ENOSPC' || code === 'EDQUOT' ? `${folder} is full` : code === 'EROFS' || code === 'EACCES' ? `${folder} may not be written` : `${folder}: ${code}`
  return new ServiceError('cache_failed', `the 8-bit weights could not be kept: ${reason}; make room, or name another folder in XDG_CACHE_HOME`, {
    cause: error
  })
}

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

/**
 * What the model gives a text with its own weights, nats a token after the first. It is computed once and kept beside the
 * rounded weights, so that later starts measure their error without loading the model twice.
 */
export async function referenceAnswer(
  at: { readonly folder: string; readonly key: string },
  ids: readonly number[],
  compute: () => Promise<readonly number[]>
): Promise<readonly number[]> {
  const text = createHash('sha256').update(ids.join()).digest('hex').slice(0, 16)
  const path = join(at.folder, `${at.key}.${text}.answer`)
  if (isWhole(path, (ids.length - 1) * Float64Array.BYTES_PER_ELEMENT))
    return [...new Float64Array(Uint8Array.from(readFileSync(path)).buffer, 0, ids.length - 1)]
  const logProbs = await compute()
  writeWhole(path, ({ writeAt }) => writeAt(0, new Uint8Array(Float64Array.from(logProbs).buffer)))
  return logProbs
}
