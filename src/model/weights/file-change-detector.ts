import { ServiceError, serviceErrorFrom } from '../../errors.ts'
import { type FileHash, fileIdentity, hashFiles } from './file-hashes.ts'

/** Identity and content of a file when the service first loaded it. */
export type FileSeal = Pick<FileHash, 'identity' | 'sha256'>

/**
 * Detects changes to the model's files after they were loaded. onnxruntime maps weights instead of copying them, so
 * overwriting a file changes the scores of a running model, and truncating it crashes the process.
 */
export class FileChangeDetector {
  readonly #identities: ReadonlyMap<string, string>

  /** Must be called before the files are loaded. */
  constructor(paths: readonly string[]) {
    this.#identities = new Map(paths.map((path) => [path, fileIdentity(path)]))
  }

  /** The first file that changed; null when none did. Costs a few microseconds per file. */
  changedFile(): string | null {
    for (const [path, identity] of this.#identities) if (fileIdentity(path) !== identity) return path
    return null
  }
}

/**
 * Throws `model_invalid` when a file's content differs from its seal. Hashes only files whose identity changed, because
 * hashing many gigabytes would delay every restart.
 */
export async function assertSameContent(seals: Readonly<Record<string, FileSeal>>): Promise<void> {
  const touched = Object.entries(seals).filter(([path, { identity }]) => fileIdentity(path) !== identity)
  const found = await hashFiles(touched.map(([path]) => path)).catch((error: unknown) => {
    throw new ServiceError('model_invalid', `a file of the model can no longer be read: ${serviceErrorFrom(error).message}`, { cause: error })
  })
  if (touched.every(([, { sha256 }], i) => sha256 === found[i]?.sha256)) return
  throw new ServiceError(
    'model_invalid',
    'a file of the model changed on disk since this service loaded it, so new scores would not be comparable with earlier ones: start the service again'
  )
}
