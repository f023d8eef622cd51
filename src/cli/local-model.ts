import { once, setMaxListeners } from 'node:events'
import type { LoadedConfig } from '../config/load-config.ts'
import { withProviderDefaults } from '../config/provider-defaults.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { createLogger } from '../observability/logger.ts'
import { chooseProvider } from '../provider/choose-provider.ts'
import { startBackend } from '../serving/backend.ts'
import type { ReadyBackend } from '../serving/ready-backend.ts'
import { EXIT_INTERRUPTED } from './exit-codes.ts'
import { locateWithProgress } from './model-locator.ts'
import type { ScoreProgress } from './score-progress.ts'

/**
 * Runs `run` with a model in this process, without HTTP, and returns the exit code: 0, 1 when a result is an error, and
 * 130 after SIGINT, which aborts the signal of `run`. The last line of `progress` says what was done.
 */
export async function withLocalModel(
  { config: settings, given }: Pick<LoadedConfig<Record<never, never>>, 'config' | 'given'>,
  env: NodeJS.ProcessEnv,
  progress: ScoreProgress,
  run: (model: ReadyBackend, signal: AbortSignal) => Promise<void>
): Promise<number> {
  const provider = chooseProvider(settings.EXECUTION_PROVIDER, env.LD_LIBRARY_PATH)
  const config = withProviderDefaults(settings, given, provider.executionProvider)
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  // Every line that is being scored listens.
  setMaxListeners(0, interrupted.signal)
  // Until here SIGINT ends the process, as during a download, which the next start resumes.
  const located = await locateWithProgress(config.MODEL, config, env, process.stderr)
  process.once('SIGINT', interrupt)
  const clear = (): void => progress.clear()
  // Also when the reader of standard output has gone.
  process.once('exit', clear)
  const log = await createLogger(config.LOG_LEVEL, 2, config.LOG_FORMAT)
  // Texts are read only as fast as they are scored, so the queue needs no limit.
  const backend = startBackend({ ...config, MAX_QUEUE_TOKENS: Number.MAX_SAFE_INTEGER }, log, {
    located,
    provider,
    precisionFolder: precisionFolder(env)
  })
  try {
    progress.loading()
    const model = await Promise.race([backend.ready, once(interrupted.signal, 'abort').then(() => null)])
    if (model !== null) {
      progress.begin()
      await run(model, interrupted.signal)
    }
    progress.summarize(interrupted.signal.aborted)
    if (interrupted.signal.aborted) return EXIT_INTERRUPTED
    return progress.hasErrors ? 1 : 0
  } finally {
    progress.clear()
    process.off('exit', clear)
    process.off('SIGINT', interrupt)
    await backend.close()
  }
}
