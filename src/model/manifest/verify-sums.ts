import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../../errors.ts'
import { assertRegularFile } from '../weights/data-files.ts'
import { type FileHash, hashNamedFiles } from '../weights/file-hashes.ts'
import { locationFault } from '../weights/location.ts'
import { parseSums } from './sums.ts'

const SUMS = 'SHA256SUMS'

/**
 * Compares the files that SHA256SUMS of a model folder lists with what is there; files that it does not list are free. Those in
 * `hashed`, by name, are not read again. Gives the hash of SHA256SUMS itself, null when the folder has none.
 *
 * Throws `model_invalid` naming the first file that is missing or has another hash.
 */
export async function verifySums(folder: string, hashed: readonly FileHash[]): Promise<FileHash | null> {
  const path = join(folder, SUMS)
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null
  assertRegularFile(path, SUMS)
  const sums = parseSums(readFileSync(path, 'utf8'))
  const known = new Map(hashed.map(({ file, sha256 }) => [file, sha256]))
  for (const { file, sha256 } of sums) {
    const found = known.get(file) ?? (await hashOf(folder, file))
    if (found === sha256) continue
    throw new ServiceError(
      'model_invalid',
      `${file} has SHA-256 ${found}, and SHA256SUMS of the model folder says ${sha256}: download it again, or write SHA256SUMS again if the change is meant`
    )
  }
  return (await hashNamedFiles([{ file: SUMS, path }]))[0] ?? null
}

async function hashOf(folder: string, file: string): Promise<string | undefined> {
  const fault = locationFault(file)
  if (fault !== null)
    throw new ServiceError('model_invalid', `SHA256SUMS lists ${JSON.stringify(file)}, which ${fault}: it may list files of its own folder alone`)
  const path = join(folder, file)
  assertRegularFile(path, `${file}, which SHA256SUMS of the model folder lists,`)
  const [hash] = await hashNamedFiles([{ file, path }])
  return hash?.sha256
}
