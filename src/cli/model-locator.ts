import type { Config } from '../config/options.ts'
import { locateModel } from '../hub/locate-model.ts'
import { type OnPullEvent, tellPullState } from '../hub/pull-progress.ts'
import { hubSettingsFrom } from '../hub/settings.ts'
import type { LocatedModel, LocateModel } from '../model/locate-model.ts'
import { onlyReference } from '../model/model-reference.ts'
import { createPullProgress } from './pull.ts'

/**
 * Finds the models of a command: a folder at once, a hub model once its files have been downloaded. `listen` receives
 * the events of every download.
 */
export function modelLocator(config: Config, env: NodeJS.ProcessEnv, listen: OnPullEvent): LocateModel {
  const settings = hubSettingsFrom(env, { isOffline: config.HUB_OFFLINE, dtype: config.DTYPE })
  return ({ id, reference }, onProgress) => {
    const reportState = tellPullState(onProgress)
    const located = locateModel(reference, settings, (event) => {
      listen(event)
      reportState(event)
    })
    return located instanceof Promise ? located.then((model) => ({ ...model, id })) : { ...located, id }
  }
}

/**
 * Finds the single model that `value` names and shows the progress of its download. Throws what `locateModel` throws.
 */
export async function locateWithProgress(value: string, config: Config, env: NodeJS.ProcessEnv, stream: NodeJS.WriteStream): Promise<LocatedModel> {
  const progress = createPullProgress(stream)
  try {
    return await modelLocator(config, env, progress.show)(onlyReference(value), () => {})
  } finally {
    progress.done()
  }
}
