import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { ServiceError } from '../errors.ts'
import type { LocatedModel } from '../model/locate-model.ts'
import { COMMIT, type HubReference, parseReference, servedIdOf } from '../model/model-reference.ts'
import { RepositoryCache } from './cache-layout.ts'
import { HubClient } from './client.ts'
import { type CachedModel, pullModel } from './pull-model.ts'
import type { OnPullEvent } from './pull-progress.ts'
import { dataFilesOf, genaiGraphFile, graphFileOf, missingFiles, noGraph, smallFilesOf } from './select-files.ts'
import { expanded, type HubSettings } from './settings.ts'

/** How long a start waits for the hub when the cache already has the model. */
const IMPATIENT = { tries: 1, answerTimeoutMs: 10_000 }

/**
 * The folder of `--model`: a path, answered at once, or a hub id whose missing files are fetched. A commit that is whole in the cache is used without a request. When the
 * hub cannot be reached or refuses, what the cache has of the branch or tag is used, and `onEvent` is told.
 *
 * Throws the codes of `pullModel`, `not_in_cache` when offline, and `configuration_invalid` for a name that is neither.
 */
export function locateModel(
  text: string,
  settings: HubSettings,
  onEvent: OnPullEvent,
  signal: AbortSignal = new AbortController().signal
): LocatedModel | Promise<LocatedModel> {
  const reference = parseReference(text, existsSync)
  if (reference.kind === 'folder') {
    const folder = resolve(expanded(reference.path))
    return { id: basename(folder), folder, revision: null }
  }
  return located(reference, settings, onEvent, signal).then(({ folder, revision }) => ({ id: servedIdOf(reference), folder, revision }))
}

/** `logpr pull`: asks the hub in any case, and checks the content of what is there. Throws `configuration_invalid` for a path. */
export async function pullReference(text: string, settings: HubSettings, onEvent: OnPullEvent, signal: AbortSignal): Promise<LocatedModel> {
  const reference = parseReference(text, () => false)
  if (reference.kind === 'folder')
    throw new ServiceError('configuration_invalid', `pull takes a hub id such as organisation/name or organisation/name@revision, not the path ${text}`)
  const { folder, revision } = settings.isOffline
    ? await cachedModel(reference, settings)
    : await pullModel(reference, new HubClient(settings, onEvent, signal), { checksPresent: true, askTiming: settings.timing })
  return { id: servedIdOf(reference), folder, revision }
}

async function located(reference: HubReference, settings: HubSettings, onEvent: OnPullEvent, signal: AbortSignal): Promise<CachedModel> {
  if (settings.isOffline) return cachedModel(reference, settings)
  const cached = await cachedModel(reference, settings).catch(() => null)
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
 * The model as the cache has it, whoever put it there. Throws `not_in_cache` naming what is missing: among the files that are there, or among those of the
 * commit when Python's library has left its listing.
 */
async function cachedModel(reference: HubReference, settings: HubSettings): Promise<CachedModel> {
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
