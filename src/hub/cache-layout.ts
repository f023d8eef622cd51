import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, readFile, rename, stat, statfs, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { ServiceError } from '../errors.ts'

/** The cache of one repository, in the layout of Python's huggingface_hub. */
export class RepositoryCache {
  readonly cacheFolder: string
  readonly folder: string
  readonly #name: string

  constructor(cacheFolder: string, repository: string) {
    this.#name = `models--${repository.replaceAll('/', '--')}`
    this.cacheFolder = cacheFolder
    this.folder = join(cacheFolder, this.#name)
  }

  blobPath(etag: string): string {
    return join(this.folder, 'blobs', etag)
  }

  /**
   * Differs from Python's `<etag>.incomplete`, to which its older versions append under a lock that Node cannot take.
   */
  incompletePath(etag: string): string {
    return join(this.folder, 'blobs', `${etag}.logpr.incomplete`)
  }

  lockPath(etag: string): string {
    return join(this.cacheFolder, '.locks', this.#name, `${etag}.logpr.lock`)
  }

  snapshotPath(commit: string, path = ''): string {
    return join(this.folder, 'snapshots', commit, path)
  }

  /** The listing of a commit that newer versions of Python's library write. */
  treePath(commit: string): string {
    return join(this.folder, 'trees', `${commit}.json`)
  }

  /** The commit of a branch or tag when it was last resolved; null when it never was. */
  async readRef(revision: string): Promise<string | null> {
    return readFile(join(this.folder, 'refs', revision), 'utf8').then(
      (text) => text.trim(),
      () => null
    )
  }

  async writeRef(revision: string, commit: string): Promise<void> {
    const path = join(this.folder, 'refs', revision)
    if (revision === commit || (await this.readRef(revision)) === commit) return
    await replaced(path, (temporary) => writeFile(temporary, commit))
  }

  /** Adds a blob to the snapshot: as a relative link, or as a copy on file systems without links. */
  async link(commit: string, path: string, etag: string): Promise<void> {
    const target = this.snapshotPath(commit, path)
    const blob = this.blobPath(etag)
    if (await isSameFile(target, blob)) return
    await replaced(target, (temporary) =>
      symlink(relative(dirname(target), blob), temporary).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPERM' && error.code !== 'ENOSYS') throw error
        return copyFile(blob, temporary)
      })
    )
  }
}

/** Size of the file at a path, following links; null when there is none. */
export async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    (found) => (found.isFile() ? found.size : null),
    () => null
  )
}

/** A file-system error as `cache_failed`, with the remedy; other errors unchanged. */
export function cacheFailure(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof ServiceError || typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) return error
  const advice =
    code === 'ENOSPC' || code === 'EDQUOT' ? 'free some space, or set HF_HUB_CACHE to another folder' : 'check the folder, or set HF_HUB_CACHE to another one'
  return new ServiceError('cache_failed', `${path} cannot be written (${code}): ${advice}; what has arrived is kept`, { cause: error })
}

/** Writes a file through a temporary one, so that other processes see the old content or the new, never a part. */
async function replaced(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    await make(temporary)
    await rename(temporary, path)
  } catch (error) {
    throw cacheFailure(error, path)
  }
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => stat(path).catch(() => null)))
  return a != null && b != null && a.ino === b.ino && a.dev === b.dev
}

const MIB = 1 << 20

/** Throws `cache_failed` when the disk of a folder, which need not exist yet, has too little space. */
export async function assertRoomFor(bytes: number, folder: string): Promise<void> {
  const free = await freeBytes(folder)
  if (free === null || free >= bytes) return
  throw new ServiceError(
    'cache_failed',
    `the download needs ${Math.ceil(bytes / MIB)} MiB, but ${folder} has ${Math.floor(free / MIB)} MiB free: free some space, or set HF_HUB_CACHE to another folder`
  )
}

async function freeBytes(folder: string): Promise<number | null> {
  const found = await statfs(folder).catch(() => null)
  if (found !== null) return found.bavail * found.bsize
  return dirname(folder) === folder ? null : freeBytes(dirname(folder))
}
