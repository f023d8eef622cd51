import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { ServiceError } from '../errors.ts'
import { servedIdOf } from '../model/hub-id.ts'
import type { LocatedModel } from '../model/located-model.ts'
import { cachedModel } from './cached-model.ts'
import { HubClient } from './client.ts'
import type { OnPullEvent } from './pull-event.ts'
import { type CachedModel, pullModel } from './pull-model.ts'
import { COMMIT, type HubReference, parseReference } from './reference.ts'
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
