import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ServiceError } from '../errors.ts'
import { cacheFailure, type RepositoryCache, sizeOf } from './cache-layout.ts'
import { type HubClient, type HubResponse, notAHub } from './client.ts'
import { lockFile } from './file-lock.ts'
import type { RepositoryFile } from './repository-files.ts'
import { describeSubject, type Subject } from './response-error.ts'
import { TransientFailure } from './transient.ts'

/** A file of a commit to download. */
interface WantedFile extends RepositoryFile {
  readonly repository: string
  readonly commit: string
}

/**
 * Downloads a file into the cache, resuming an earlier try. The blob gets its name only after its content was read back
 * from disk and has the hash that the hub listed.
 *
 * Throws `hub_unreachable`, `hub_refused`, `hub_not_found`, `download_corrupt` or `cache_failed`, and keeps the
 * received bytes for the next call.
 */
export async function downloadBlob(file: WantedFile, cache: RepositoryCache, client: HubClient): Promise<void> {
  const blob = cache.blobPath(file.etag)
  const onWait = (): void => client.onEvent({ kind: 'wait', path: file.path })
  try {
    const release = await lockFile(cache.lockPath(file.etag), client.signal, onWait)
    try {
      // Another process may have finished the download meanwhile.
      if ((await sizeOf(blob)) === file.sizeBytes) client.onEvent({ kind: 'received', bytes: file.sizeBytes })
      else await fetchInto(cache.incompletePath(file.etag), blob, file, client)
    } finally {
      await release()
    }
  } catch (error) {
    throw cacheFailure(error, cache.folder)
  }
}

async function fetchInto(incomplete: string, blob: string, file: WantedFile, client: HubClient): Promise<void> {
  await mkdir(dirname(blob), { recursive: true })
  const subject = client.subject(file.repository, file.commit, file.path)
  // The bytes that an earlier process left may be wrong, so the second round starts from nothing.
  for (let rounds = 0; rounds < 2; rounds++) {
    const handle = await open(incomplete, 'a').then(async (made) => {
      await made.close()
      return open(incomplete, 'r+')
    })
    try {
      await new Transfer(handle, file, client, subject).run()
      await handle.datasync()
    } finally {
      await handle.close()
    }
    if (await hasListedContent(incomplete, file)) return rename(incomplete, blob)
    client.onEvent({ kind: 'received', bytes: -file.sizeBytes })
    await unlink(incomplete)
  }
  throw new ServiceError(
    'download_corrupt',
    `${describeSubject(subject)}: the content does not have the hash that the hub lists, even after a fresh download; try again later, or with another mirror (HF_ENDPOINT)`
  )
}

/** Downloads the bytes of one file in order, over as many requests as it takes. */
class Transfer {
  readonly #handle: FileHandle
  readonly #file: WantedFile
  readonly #client: HubClient
  readonly #subject: Subject
  /** Bytes on disk. */
  #offset = 0
  /** The largest offset reached so far: reaching it again is no progress. */
  #furthest = 0
  #lastFurthest = 0
  /** The storage's ETag; two responses with the same one have the same content. */
  #storageEtag: string | null = null

  constructor(handle: FileHandle, file: WantedFile, client: HubClient, subject: Subject) {
    this.#handle = handle
    this.#file = file
    this.#client = client
    this.#subject = subject
  }

  async run(): Promise<void> {
    this.#offset = (await this.#handle.stat()).size
    this.#client.onEvent({ kind: 'received', bytes: this.#offset })
    if (this.#offset > this.#file.sizeBytes) await this.#restart()
    this.#furthest = this.#offset
    this.#lastFurthest = this.#offset
    if (this.#offset === this.#file.sizeBytes) return
    await this.#client.retried(
      () => this.#attempt(),
      this.#subject,
      () => {
        const hasAdvanced = this.#furthest > this.#lastFurthest
        this.#lastFurthest = this.#furthest
        return hasAdvanced
      }
    )
  }

  async #attempt(): Promise<void> {
    const { repository, commit, path, sizeBytes } = this.#file
    const url = `${this.#client.settings.endpoint}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`
    const response = await this.#client.open(url, this.#rangeHeaders(), this.#subject)
    try {
      this.#assertListed(response)
      await this.#alignOffset(response)
      this.#storageEtag = strongEtag(response.headers)
      await this.#write(response)
    } finally {
      await response.close()
    }
    if (this.#offset < sizeBytes) throw new TransientFailure(`the body ended after ${this.#offset} of ${sizeBytes} bytes`)
  }

  async #write(response: HubResponse): Promise<void> {
    const { sizeBytes } = this.#file
    for await (const chunk of response.chunks) {
      if (this.#offset + chunk.length > sizeBytes) {
        await this.#restart()
        throw new TransientFailure(`received more than the ${sizeBytes} bytes that the hub lists`, { code: 'download_corrupt' })
      }
      await this.#handle.write(chunk, 0, chunk.length, this.#offset)
      this.#offset += chunk.length
      this.#furthest = Math.max(this.#furthest, this.#offset)
      this.#client.onEvent({ kind: 'received', bytes: chunk.length })
    }
  }

  #rangeHeaders(): Record<string, string> {
    if (this.#offset === 0) return {}
    return { range: `bytes=${this.#offset}-`, ...(this.#storageEtag === null ? {} : { 'if-range': this.#storageEtag }) }
  }

  /** Throws `download_corrupt` when the hub's content changed since it was listed. */
  #assertListed(response: HubResponse): void {
    const linked = response.firstHeader('x-linked-etag')?.replace(/^(?:W\/)?"|"$/g, '')
    const commit = response.firstHeader('x-repo-commit')
    if ((linked === undefined || linked === this.#file.etag) && (commit === null || commit === this.#file.commit)) return
    throw new ServiceError('download_corrupt', `${describeSubject(this.#subject)}: the content changed on the hub since it was listed; run the command again`)
  }

  /** Makes `#offset` the position of the body's first byte: unchanged, or the start of the file. */
  async #alignOffset({ status, headers }: HubResponse): Promise<void> {
    const { sizeBytes } = this.#file
    if (status === 206) {
      if (headers.get('content-range') === `bytes ${this.#offset}-${sizeBytes - 1}/${sizeBytes}`) return
      await this.#restart()
      throw new TransientFailure('the response has another range than requested', { code: 'download_corrupt' })
    }
    if (this.#offset > 0) await this.#restart()
    if (status === 416) throw new TransientFailure('the range was refused (416)')
    const announced = headers.get('content-length')
    if (announced === null || Number(announced) === sizeBytes) return
    if (/^text\/html/.test(headers.get('content-type') ?? '')) throw notAHub(this.#subject)
    throw new TransientFailure(`the response has ${announced} bytes, but the hub lists ${sizeBytes}`, { code: 'download_corrupt' })
  }

  async #restart(): Promise<void> {
    this.#client.onEvent({ kind: 'received', bytes: -this.#offset })
    await this.#handle.truncate(0)
    this.#offset = 0
    this.#storageEtag = null
  }
}

function strongEtag(headers: Headers): string | null {
  const etag = headers.get('etag')
  return etag?.startsWith('"') ? etag : null
}

/** Whether a file on disk has the listed hash: SHA-256, or git's SHA-1 of `blob <size>\0` and the content. */
export async function hasListedContent(path: string, { etag, sizeBytes }: RepositoryFile): Promise<boolean> {
  const hash = etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${sizeBytes}\0`)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) hash.update(chunk)
  return hash.digest('hex') === etag
}
