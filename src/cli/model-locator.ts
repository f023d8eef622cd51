import type { Config } from '../config/options.ts'
import { locateModel } from '../hub/locate-model.ts'
import { type OnPullEvent, tellPullState } from '../hub/pull-progress.ts'
import { hubSettingsFrom } from '../hub/settings.ts'
import type { LocatedModel, LocateModel } from '../model/locate-model.ts'
import { onlyReference } from '../model/model-reference.ts'
import { createPullProgress } from './pull.ts'

/** How a command finds its models: a folder at once, a model of the hub when its files are there. `listen` hears of every step. */
export function modelLocator(config: Config, env: NodeJS.ProcessEnv, listen: OnPullEvent): LocateModel {
  const settings = hubSettingsFrom(env, { isOffline: config.HUB_OFFLINE, dtype: config.DTYPE })
  return ({ id, reference }, onProgress) => {
    const told = tellPullState(onProgress)
    const located = locateModel(reference, settings, (event) => {
      listen(event)
      told(event)
    })
    return located instanceof Promise ? located.then((model) => ({ ...model, id })) : { ...located, id }
  }
}

/** The one model that `value` names, with progress on a stream while it is fetched. Throws what `locateModel` throws. */
export async function locateShown(value: string, config: Config, env: NodeJS.ProcessEnv, stream: NodeJS.WriteStream): Promise<LocatedModel> {
  const progress = createPullProgress(stream)
  try {
    return await modelLocator(config, env, progress.show)(onlyReference(value), () => {})
  } finally {
    progress.done()
  }
}
