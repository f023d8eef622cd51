import { createHash, type Hash, randomUUID } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { ServiceError } from '../../errors.ts'
import { combinedHash, type FileHash } from '../weights/file-hashes.ts'
import { type EightBitForm, SETTINGS } from './eight-bit-form.ts'

/** Increase with every change to the content of cached files. */
const FORMAT_VERSION = 1

/**
 * The cache folder of rounded weights: `logpr/precision` in XDG_CACHE_HOME, else in ~/.cache. Not the model folder,
 * which may be read-only or shared, whose files are listed and hashed, and which has its own layout in a hub cache.
 */
export function precisionFolder(env: Readonly<Record<string, string | undefined>>): string {
  const named = env.XDG_CACHE_HOME?.trim()
  // The XDG specification requires relative paths to be ignored.
  return join(named?.startsWith('/') ? named : join(homedir(), '.cache'), 'logpr', 'precision')
}

/** Name of a cached file, from all that its content depends on: the model's files, the rounding, the layout. */
export function precisionKey(files: readonly Pick<FileHash, 'file' | 'sha256'>[], form: EightBitForm): string {
  return createHash('sha256')
    .update(`${FORMAT_VERSION}\n${SETTINGS[form]}\n${combinedHash(files)}\n`)
    .digest('hex')
}

/**
 * Log-probs of a text with the original weights, in nats, for each token after the first. They are computed once and
 * cached beside the rounded weights, so that later starts measure the rounding error without loading the model twice.
 */
export async function referenceAnswer(
  at: { readonly folder: string; readonly key: string },
  ids: readonly number[],
  compute: () => Promise<readonly number[]>
): Promise<readonly number[]> {
  const text = createHash('sha256').update(ids.join()).digest('hex').slice(0, 16)
  const path = join(at.folder, `${at.key}.${text}.answer`)
  if (isComplete(path, (ids.length - 1) * Float64Array.BYTES_PER_ELEMENT))
    return [...new Float64Array(Uint8Array.from(readFileSync(path)).buffer, 0, ids.length - 1)]
  const logProbs = await compute()
  writeAtomically(path, ({ writeAt }) => writeAt(0, new Uint8Array(Float64Array.from(logProbs).buffer)))
  return logProbs
}

/** The footer of each file: this magic number, then the SHA-256 of all bytes before the footer. */
const MAGIC = Buffer.from('logpr\0\0\x01')
const HASH_BYTES = 32
const FOOTER_BYTES = MAGIC.length + HASH_BYTES
const MIB = 1 << 20
const CHUNK_BYTES = 4 * MIB
const UNFINISHED = '.part'
/** An unfinished file of this age is abandoned: no start takes so long. */
const ABANDONED_MS = 3 * 3_600_000

interface CacheWriter {
  /** Pads the file with zeros up to `offset`, then appends. Throws RangeError when the file is already longer. */
  writeAt(offset: number, bytes: Uint8Array): void
}

/** Whether a cached file exists, has the expected size (null: any) and matches its hash. */
export function isComplete(path: string, sizeBytes: number | null): boolean {
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
 * Writes a file completely or not at all: under a temporary name, synced to disk, then renamed. A process that has an
 * older file of that name open keeps it. `confirm` runs before the rename and prevents it by throwing. Throws
 * `cache_failed`.
 */
export function writeAtomically(path: string, write: (writer: CacheWriter) => void, confirm: () => void = () => {}): void {
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

/** Removes temporary files of processes that were killed while writing. */
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
      if (offset < end) throw new RangeError(`byte ${offset} was already written`)
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

/** A file-system error as `cache_failed`; other errors unchanged. */
function refusal(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof ServiceError || code === undefined || !/^E[A-Z]+$/.test(code)) return error
  const reason =
    code === 'ENOSPC' || code === 'EDQUOT' ? `${folder} is full` : code === 'EROFS' || code === 'EACCES' ? `${folder} is not writable` : `${folder}: ${code}`
  return new ServiceError('cache_failed', `the 8-bit weights could not be cached: ${reason}; free some space, or set XDG_CACHE_HOME to another folder`, {
    cause: error
  })
}
