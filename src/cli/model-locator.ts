import type { Config } from '../config/options.ts'
import { locateHubModel } from '../hub/locate-hub-model.ts'
import { type OnPullEvent, tellPullState } from '../hub/pull-progress.ts'
import { hubSettingsFrom } from '../hub/settings.ts'
import { type LocatedModel, type LocateModel, locateFolder } from '../model/locate-model.ts'
import { onlyReference } from '../model/model-reference.ts'
import { createPullProgress } from './pull.ts'

/** Finds models in local folders and on the hub; `onEvent` receives every step of a download. */
export function modelLocator(config: Config, env: NodeJS.ProcessEnv, onEvent: OnPullEvent): LocateModel {
  const settings = hubSettingsFrom(env, { isOffline: config.HUB_OFFLINE, dtype: config.DTYPE })
  return (reference, onProgress) => {
    if (reference.kind === 'folder') return locateFolder(reference)
    const tell = tellPullState(onProgress)
    return locateHubModel(reference, settings, (event) => {
      onEvent(event)
      tell(event)
    })
  }
}

/**
 * Finds the single model that `value` names and shows the progress of its download. Throws what `locateFolder` and
 * `locateHubModel` throw.
 */
export async function locateWithProgress(value: string, config: Config, env: NodeJS.ProcessEnv, stream: NodeJS.WriteStream): Promise<LocatedModel> {
  const progress = createPullProgress(stream)
  try {
    return await modelLocator(config, env, progress.show)(onlyReference(value), () => {})
  } finally {
    progress.done()
  }
}
