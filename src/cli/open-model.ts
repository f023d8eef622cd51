import type { LoadedConfig } from '../config/load-config.ts'
import { withProviderDefaults } from '../config/provider-defaults.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { createLogger } from '../observability/logger.ts'
import { chooseProvider } from '../provider/choose-provider.ts'
import { startBackend } from '../serving/backend.ts'
import type { ReadyBackend } from '../serving/ready-backend.ts'
import { locateWithProgress } from './model-locator.ts'

export interface OpenModel {
  readonly model: ReadyBackend
  close(): Promise<void>
}

/**
 * Loads the one model of the settings in this process, without HTTP; only errors are logged. Its queue has no limit:
 * the caller sends texts only as fast as they are scored.
 */
export async function openModel({ config: settings, given }: Pick<LoadedConfig<never>, 'config' | 'given'>, env: NodeJS.ProcessEnv): Promise<OpenModel> {
  const provider = chooseProvider(settings.EXECUTION_PROVIDER, env.LD_LIBRARY_PATH)
  const config = withProviderDefaults(settings, given, provider.executionProvider)
  const located = await locateWithProgress(config.MODEL, config, env, process.stderr)
  const log = await createLogger('error', 2, config.LOG_FORMAT)
  const backend = startBackend({ ...config, MAX_QUEUE_TOKENS: Number.MAX_SAFE_INTEGER }, log, {
    located,
    provider,
    precisionFolder: precisionFolder(env)
  })
  const model = await backend.ready.catch(async (error: unknown) => {
    await backend.close()
    throw error
  })
  return { model, close: () => backend.close() }
}
