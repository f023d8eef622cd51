import { ServiceError, serviceErrorFrom } from '../../errors.ts'
import { type FileHash, fileIdentity, hashFiles } from './file-hashes.ts'

/** What a file was when the service first loaded it. */
export type FileSeal = Pick<FileHash, 'identity' | 'sha256'>

/**
 * Notices that files of the model changed since they were loaded. The runtime maps weights instead of copying them, so a
 * file that is written over changes the numbers of a running model, and one that is cut short kills it.
 */
export class FileChangeDetector {
  readonly #found: ReadonlyMap<string, string>

  /** Remembers the files as they are; to be made before they are loaded. */
  constructor(paths: readonly string[]) {
    this.#found = new Map(paths.map((path) => [path, fileIdentity(path)]))
  }

  /** The first file that is no longer what it was; null while all are. Costs some microseconds a file. */
  changedFile(): string | null {
    for (const [path, identity] of this.#found) if (fileIdentity(path) !== identity) return path
    return null
  }
}

/**
 * Throws `model_invalid` when a file does not have the content that it had when the service first loaded it. Reads those
 * alone whose identity changed: hashing many gigabytes would keep a service away for long after each crash.
 */
export async function assertSameContent(seals: Readonly<Record<string, FileSeal>>): Promise<void> {
  const touched = Object.entries(seals).filter(([path, { identity }]) => fileIdentity(path) !== identity)
  const found = await hashFiles(touched.map(([path]) => path)).catch((error: unknown) => {
    throw new ServiceError('model_invalid', `a file of the model can no longer be read: ${serviceErrorFrom(error).message}`, { cause: error })
  })
  if (touched.every(([, { sha256 }], i) => sha256 === found[i]?.sha256)) return
  throw new ServiceError(
    'model_invalid',
    'a file of the model changed on disk since this service loaded it, so new scores could not be compared with those before: start the service again'
  )
}
