import type { listFiles as ListFiles, modelInfo as ModelInfo } from '@huggingface/hub'
import { ServiceError } from '../errors.ts'
import { COMMIT } from '../model/model-reference.ts'
import type { HubClient } from './client.ts'
import { describeSubject, type Subject } from './response-error.ts'

/** A file of a commit. */
export interface RepositoryFile {
  /** Relative to the repository, with `/`. */
  readonly path: string
  readonly sizeBytes: number
  /** Name of its blob in the cache: SHA-256 for a file stored outside git, else git's SHA-1 of the blob. */
  readonly etag: string
}

/** More files than any model repository has. */
const MAX_FILES = 100_000
const ETAG = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** Loaded for the first request, so that starts from a folder or from the cache do without it. */
async function library(): Promise<{ readonly modelInfo: typeof ModelInfo; readonly listFiles: typeof ListFiles }> {
  return import('@huggingface/hub')
}

/** The current commit of a branch, a tag or an abbreviated commit. */
export async function resolveRevision(client: HubClient, repository: string, revision: string): Promise<string> {
  const subject = client.subject(repository, revision, null)
  const { modelInfo } = await library()
  const { sha } = await modelInfo({
    name: repository,
    revision,
    additionalFields: ['sha'],
    hubUrl: client.settings.endpoint,
    fetch: client.fetchFor(subject)
  }).catch(toServiceError(client, subject))
  if (typeof sha === 'string' && COMMIT.test(sha)) return sha
  throw new ServiceError('hub_unreachable', `${describeSubject(subject)}: the response names no commit; check HF_ENDPOINT`)
}

/** All files of a commit. Throws `model_invalid` for a listing that could write outside the cache. */
export async function listRepository(client: HubClient, repository: string, commit: string): Promise<RepositoryFile[]> {
  const subject = client.subject(repository, commit, null)
  return listed(client, repository, commit, subject).catch(toServiceError(client, subject))
}

/** The library does not check the form of a response, so its errors mean that the form is wrong. */
function toServiceError(client: HubClient, subject: Subject): (error: unknown) => never {
  return (error) => {
    client.signal.throwIfAborted()
    if (error instanceof ServiceError) throw error
    throw new ServiceError('hub_unreachable', `${describeSubject(subject)}: the response does not have the form of a hub's; check HF_ENDPOINT`, {
      cause: error
    })
  }
}

async function listed(client: HubClient, repository: string, commit: string, subject: Subject): Promise<RepositoryFile[]> {
  const { listFiles } = await library()
  const files: RepositoryFile[] = []
  for await (const { type, path, size, oid, lfs } of listFiles({
    repo: { type: 'model', name: repository },
    recursive: true,
    revision: commit,
    hubUrl: client.settings.endpoint,
    fetch: client.fetchFor(subject)
  })) {
    if (type !== 'file') continue
    const file = { path, sizeBytes: lfs?.size ?? size, etag: lfs?.oid ?? oid ?? '' }
    if (!isSafePath(path) || !ETAG.test(file.etag) || !Number.isSafeInteger(file.sizeBytes) || file.sizeBytes < 0) {
      throw new ServiceError(
        'model_invalid',
        `${describeSubject(subject)}: the listing has an entry that is not a file of a repository, ${shown(path)}; check HF_ENDPOINT, and do not use this repository`
      )
    }
    files.push(file)
    if (files.length > MAX_FILES) throw new ServiceError('model_invalid', `${describeSubject(subject)}: the listing has more than ${MAX_FILES} files`)
  }
  return files
}

/** Whether a path stays inside the folder that it is joined to, on every operating system. */
function isSafePath(path: unknown): path is string {
  return typeof path === 'string' && path.length <= 1024 && path.split('/').every((part) => /^[^\\:\p{Cc}]+$/u.test(part) && part !== '.' && part !== '..')
}

function shown(path: unknown): string {
  return JSON.stringify(String(path).slice(0, 100))
}
