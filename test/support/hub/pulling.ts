import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../../../src/errors.ts'
import { pullReference } from '../../../src/hub/locate-hub-model.ts'
import type { PullEvent } from '../../../src/hub/pull-progress.ts'
import { type HubSettings, type HubTiming, hubSettingsFrom } from '../../../src/hub/settings.ts'
import type { LocatedModel } from '../../../src/model/locate-model.ts'
import { hubReference } from '../../../src/model/model-reference.ts'
import { NEEDED } from './model-files.ts'
import type { FileContents } from './repository.ts'
import type { HubServer } from './server.ts'

/** Negligible pauses, and limits long enough for a busy machine. */
export const QUICK: HubTiming = { answerTimeoutMs: 20_000, stallTimeoutMs: 20_000, tries: 4, firstPauseMs: 1, longestPauseMs: 2, longestRetryAfterMs: 5000 }

export function quickSettings(hub: Pick<HubServer, 'url'>, cacheFolder: string, env: Readonly<Record<string, string>> = {}): HubSettings {
  return {
    ...hubSettingsFrom(
      { HF_ENDPOINT: hub.url, HF_HUB_CACHE: cacheFolder, HF_TOKEN_PATH: join(cacheFolder, 'no-token'), ...env },
      { isOffline: false, dtype: 'auto' }
    ),
    timing: QUICK
  }
}

export interface Pulled {
  /** `right bytes`, `wrong bytes`, or the code of the error. */
  readonly end: string
  readonly message: string
  readonly model: LocatedModel | null
  readonly events: readonly PullEvent[]
}

/** Pulls a model once and reports whether each needed file has the published content. */
export async function pulled(id: string, settings: HubSettings, contents: FileContents, needed: readonly string[] = NEEDED): Promise<Pulled> {
  const events: PullEvent[] = []
  try {
    const model = await pullReference(hubReference(id), settings, (event) => events.push(event), new AbortController().signal)
    const isRight = needed.every((path) => hasContent(join(model.folder, path), contents[path]))
    return { end: isRight ? 'right bytes' : 'wrong bytes', message: '', model, events }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    return { end: error.code, message: error.message, model: null, events }
  }
}

export function hasContent(path: string, content: Uint8Array | string | undefined): boolean {
  return content !== undefined && existsSync(path) && readFileSync(path).equals(typeof content === 'string' ? Buffer.from(content) : content)
}
