import type { Config } from '../config/options.ts'
import { locateModel } from '../hub/locate-model.ts'
import type { OnPullEvent } from '../hub/pull-event.ts'
import { hubSettingsFrom } from '../hub/settings.ts'
import { createPullProgress } from './pull-progress.ts'

/** A configuration whose MODEL is a folder on disk, or empty. */
export interface LocatedConfig {
  readonly config: Config
  /** What requests call the model; null for the folder's own name. */
  readonly id: string | null
  /** The hub's commit. */
  readonly revision: string | null
}

/** Fetches what MODEL names when it is a hub id. Throws what `locateModel` throws. */
export async function locatedConfig(config: Config, env: NodeJS.ProcessEnv, onEvent: OnPullEvent): Promise<LocatedConfig> {
  if (config.MODEL === '') return { config, id: null, revision: null }
  const { id, folder, revision } = await locateModel(config.MODEL, hubSettingsFrom(env, { isOffline: config.HUB_OFFLINE, dtype: config.DTYPE }), onEvent)
  return { config: { ...config, MODEL: folder }, id: revision === null ? null : id, revision }
}

/** The same with progress on a stream. */
export async function shownWhileLocated(config: Config, env: NodeJS.ProcessEnv, stream: NodeJS.WriteStream): Promise<LocatedConfig> {
  const progress = createPullProgress(stream)
  try {
    return await locatedConfig(config, env, progress.show)
  } finally {
    progress.done()
  }
}
