import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { RepositoryFile } from './repository-files.ts'

/** Whether a file on disk has the content that the hub listed: SHA-256, or git's SHA-1 of `blob <size>\0` and the content. */
export async function hasListedContent(path: string, { etag, sizeBytes }: RepositoryFile): Promise<boolean> {
  const hash = etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${sizeBytes}\0`)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) hash.update(chunk)
  return hash.digest('hex') === etag
}
