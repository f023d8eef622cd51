import { type BigIntStats, statSync } from 'node:fs'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { hashFiles } from './file-hashes.ts'

/**
 * Notices that files of the model changed since they were loaded. The runtime maps weights instead of copying them, so a
 * file that is written over changes the numbers of a running model, and one that is cut short kills it.
 */
export class WeightsGuard {
  readonly #found: ReadonlyMap<string, string>

  /** Remembers the files as they are; to be made before they are loaded. */
  constructor(paths: readonly string[]) {
    this.#found = new Map(paths.map((path) => [path, identityOf(path)]))
  }

  /** The first file that is no longer what it was; null while all are. Costs some microseconds a file. */
  changedFile(): string | null {
    for (const [path, identity] of this.#found) if (identityOf(path) !== identity) return path
    return null
  }
}

function identityOf(path: string): string {
  const stats: BigIntStats | undefined = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats === undefined ? 'absent' : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':')
}

/** Throws `model_invalid` when a file does not have the SHA-256 that it had when the service first loaded it. */
export async function assertSameContent(expectedHashes: Readonly<Record<string, string>>): Promise<void> {
  const paths = Object.keys(expectedHashes)
  const found = await hashFiles(paths).catch((error: unknown) => {
    throw new ServiceError('model_invalid', `a file of the model can no longer be read: ${serviceErrorFrom(error).message}`, { cause: error })
  })
  if (found.every(({ sha256 }, i) => sha256 === expectedHashes[paths[i] ?? ''])) return
  throw new ServiceError(
    'model_invalid',
    'a file of the model changed on disk since this service loaded it, so new scores could not be compared with those before: start the service again'
  )
}
