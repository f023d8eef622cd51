import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../errors.ts'
import { RepositoryCache } from './cache-layout.ts'
import { dataFilesOf, genaiGraphFile } from './graph-data.ts'
import type { CachedModel } from './pull-model.ts'
import { COMMIT, type HubReference } from './reference.ts'
import { graphFileOf, missingFiles, noGraph, smallFilesOf } from './select-files.ts'
import type { HubSettings } from './settings.ts'

/**
 * The model as the cache has it, whoever put it there. Throws `not_in_cache` naming what is missing: among the files that are there, or among those of the
 * commit when Python's library has left its listing.
 */
export async function cachedModel(reference: HubReference, settings: HubSettings): Promise<CachedModel> {
  const { repository, revision, subfolder } = reference
  const cache = new RepositoryCache(settings.cacheFolder, repository)
  const commit = COMMIT.test(revision) ? revision : await cache.readRef(revision)
  const missing = (what: string): ServiceError =>
    new ServiceError('not_in_cache', `${settings.cacheFolder} has no ${what} of ${repository}@${revision}; fetch it with: logpr pull ${reference.text}`)
  if (commit === null || !COMMIT.test(commit)) throw missing('revision')
  const folder = cache.snapshotPath(commit, subfolder)
  // A link to a blob that is gone does not exist.
  const names = namesIn(folder).filter((name) => existsSync(join(folder, name)))
  if (names.length === 0) throw missing('files')

  const listed = listedNames(cache.treePath(commit), subfolder)
  const genaiFile = genaiGraphFile(join(folder, 'genai_config.json'))
  const wanted = [...smallFilesOf(listed), ...(genaiFile === null ? [] : [genaiFile])].filter((name) => !names.includes(name))
  const absent = [...new Set([...missingFiles(names), ...wanted])]
  if (absent.length > 0) throw missing(absent.join(', '))
  const graph = graphFileOf(names, settings.dtype, genaiFile)
  if (graph === null) {
    const reason = noGraph(`${repository} in the cache`, names, settings.dtype)
    throw new ServiceError('not_in_cache', `${reason.message}; or fetch it with: logpr pull ${reference.text} --dtype ${settings.dtype}`)
  }
  const absentData = dataFilesOf(join(folder, graph.file), graph.file).filter((name) => !names.includes(name))
  if (absentData.length > 0) throw missing(absentData.join(', '))
  return { folder, revision: commit }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  } catch {
    return []
  }
}

/** What Python's library noted of the commit; empty when it did not. */
function listedNames(path: string, subfolder: string): string[] {
  const start = subfolder === '' ? '' : `${subfolder}/`
  try {
    const { files } = JSON.parse(readFileSync(path, 'utf8')) as { files: object }
    return Object.keys(files).flatMap((name) => (name.startsWith(start) ? [name.slice(start.length)] : []))
  } catch {
    return []
  }
}
