import { loadConfig } from '../config/load-config.ts'
import { ServiceError } from '../errors.ts'
import { pullReference } from '../hub/locate-model.ts'
import { hubSettingsFrom } from '../hub/settings.ts'
import { EXIT_INTERRUPTED } from './exit-codes.ts'
import { createPullProgress } from './pull-progress.ts'

/**
 * `logpr pull ID[@REVISION]`: fetches the files that one dtype of a model needs and checks those that are there. Prints the folder on standard output,
 * progress on standard error. SIGINT leaves what has arrived; the same command goes on from there.
 */
export async function pull(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config, positionals } = loadConfig(argv, env)
  const [id = config.MODEL] = positionals
  if (positionals.length > 1 || id === '')
    throw new ServiceError('configuration_invalid', 'pull takes one hub id: logpr pull organisation/name[/folder][@revision] [--dtype DTYPE]')
  const progress = createPullProgress(process.stderr)
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  process.once('SIGINT', interrupt)
  try {
    const settings = hubSettingsFrom(env, { isOffline: config.HUB_OFFLINE, dtype: config.DTYPE })
    const { folder } = await pullReference(id, settings, progress.show, interrupted.signal)
    progress.done()
    process.stdout.write(`${folder}\n`)
    return 0
  } catch (error) {
    progress.done()
    if (!interrupted.signal.aborted) throw error
    process.stderr.write('stopped; what has arrived is kept, and the same command goes on from there\n')
    return EXIT_INTERRUPTED
  } finally {
    process.off('SIGINT', interrupt)
  }
}
