import { createHash } from 'node:crypto'
import { type BigIntStats, createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'

export interface FileHash {
  readonly file: string
  readonly sizeBytes: number
  readonly sha256: string
  /** `fileIdentity` before the file was read. */
  readonly identity: string
}

/**
 * Device, inode, size and times of the last write and rename. While they stay the same, so does the content, and the
 * file need not be read again. `absent` when there is no such file.
 */
export function fileIdentity(path: string): string {
  const stats: BigIntStats | undefined = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats === undefined ? 'absent' : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':')
}

/** SHA-256 of each file. Rejects when one cannot be read. */
export function hashFiles(paths: readonly string[]): Promise<FileHash[]> {
  return Promise.all(paths.map(hashFile))
}

/**
 * SHA-256 of files whose name in the model folder differs from that of the path: links to blobs, files in a subfolder.
 */
export async function hashNamedFiles(files: readonly { readonly file: string; readonly path: string }[]): Promise<FileHash[]> {
  const hashes = await hashFiles(files.map(({ path }) => path))
  return hashes.map((hash, i) => ({ ...hash, file: files[i]?.file ?? hash.file }))
}

/** One hash for a set of files: that of the only file, else the hash of the lines `sha256 name`. */
export function combinedHash(files: readonly Pick<FileHash, 'file' | 'sha256'>[]): string {
  if (files.length === 1) return files[0]!.sha256
  return createHash('sha256')
    .update(files.map(({ file, sha256 }) => `${sha256} ${file}\n`).join(''))
    .digest('hex')
}

async function hashFile(path: string): Promise<FileHash> {
  const identity = fileIdentity(path)
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  return { file: basename(path), sizeBytes, sha256: hash.digest('hex'), identity }
}
