import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../errors.ts'
import type { LocatedModel } from '../model/locate-model.ts'
import { COMMIT, type HubReference } from '../model/model-reference.ts'
import { RepositoryCache } from './cache-layout.ts'
import { HubClient } from './client.ts'
import { type CachedModel, pullModel } from './pull-model.ts'
import type { OnPullEvent } from './pull-progress.ts'
import { dataFilesOf, genaiGraphFile, graphFileOf, missingFiles, noGraph, smallFilesOf } from './select-files.ts'
import type { HubSettings } from './settings.ts'

/** Time limits for the hub when the cache already has the model. */
const IMPATIENT = { tries: 1, answerTimeoutMs: 10_000 }

/**
 * Finds a hub model for serving, and fetches its missing files. A commit that is complete in the cache needs no
 * request. When the hub cannot be reached or refuses access, the cached files of the branch or tag are used, and
 * `onEvent` is told.
 *
 * Throws the codes of `pullModel`, and `not_in_cache` when offline.
 */
export async function locateHubModel(
  reference: HubReference,
  settings: HubSettings,
  onEvent: OnPullEvent,
  signal: AbortSignal = new AbortController().signal
): Promise<LocatedModel> {
  return { id: reference.id, ...(await located(reference, settings, onEvent, signal)) }
}

/**
 * `logpr pull`: asks the hub unless offline, and checks the content of cached files. Throws as `locateHubModel` does.
 */
export async function pullReference(reference: HubReference, settings: HubSettings, onEvent: OnPullEvent, signal: AbortSignal): Promise<LocatedModel> {
  const found = settings.isOffline
    ? await cachedModel(reference, settings)
    : await pullModel(reference, new HubClient(settings, onEvent, signal), { checksPresent: true, askTiming: settings.timing })
  return { id: reference.id, ...found }
}

async function located(reference: HubReference, settings: HubSettings, onEvent: OnPullEvent, signal: AbortSignal): Promise<CachedModel> {
  if (settings.isOffline) return cachedModel(reference, settings)
  const cached = await cachedModel(reference, settings).catch((error: unknown) => {
    // Incomplete, or damaged: then it is fetched.
    if (error instanceof ServiceError) return null
    throw error
  })
  if (cached !== null && COMMIT.test(reference.revision)) return cached
  const askTiming = cached === null ? settings.timing : { ...settings.timing, ...IMPATIENT }
  try {
    return await pullModel(reference, new HubClient(settings, onEvent, signal), { checksPresent: false, askTiming })
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    if (cached !== null && (error.code === 'hub_unreachable' || error.code === 'hub_refused')) {
      onEvent({ kind: 'cached', commit: cached.revision, reason: error.message })
      return cached
    }
    if (error.code !== 'hub_not_found') throw error
    throw new ServiceError('hub_not_found', `${error.message} (there is no folder ${reference.text} either)`, { cause: error })
  }
}

/**
 * The model in the cache, whether logpr or Python's library put it there. Throws `not_in_cache` naming the missing
 * files: files that every model needs, and files that Python's listing of the commit has.
 */
async function cachedModel(reference: HubReference, settings: HubSettings): Promise<CachedModel> {
  const { repository, revision, subfolder } = reference
  const cache = new RepositoryCache(settings.cacheFolder, repository)
  const commit = COMMIT.test(revision) ? revision : await cache.readRef(revision)
  const missing = (what: string): ServiceError =>
    new ServiceError('not_in_cache', `${settings.cacheFolder} has no ${what} of ${repository}@${revision}; fetch it with: logpr pull ${reference.text}`)
  if (commit === null || !COMMIT.test(commit)) throw missing('revision')
  const folder = cache.snapshotPath(commit, subfolder)
  // existsSync follows links, so a link to a deleted blob counts as missing.
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

/** The files of the commit in the listing of Python's library; empty without a listing. */
function listedNames(path: string, subfolder: string): string[] {
  const start = subfolder === '' ? '' : `${subfolder}/`
  try {
    const { files } = JSON.parse(readFileSync(path, 'utf8')) as { files: object }
    return Object.keys(files).flatMap((name) => (name.startsWith(start) ? [name.slice(start.length)] : []))
  } catch {
    return []
  }
}
