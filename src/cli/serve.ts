import closeWithGrace from 'close-with-grace'
import { loadConfig, withProviderDefaults } from '../config/load-config.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { OnPullEvent } from '../hub/pull-progress.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { createLogger } from '../observability/logger.ts'
import { createMetrics } from '../observability/metrics.ts'
import { chooseProvider } from '../provider/choose-provider.ts'
import { startModels } from '../serving/start-models.ts'
import { exitCodeOf } from './exit-codes.ts'
import { modelLocator } from './model-locator.ts'

/** Added to the longest request and the drain delay before a stop is forced. */
const TEARDOWN_MS = 5000

/** `logpr serve`: runs until SIGTERM or SIGINT; a second signal stops at once. Exit code 2 when a model cannot be served. */
export async function serve(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config: settings, positionals, given } = loadConfig(argv, env)
  if (positionals.length > 0)
    throw new ServiceError(
      'configuration_invalid',
      `serve takes no arguments, only flags; got ${positionals.length}. A flag for on and off takes true or false`
    )
  const log = createLogger(settings.LOG_LEVEL, 1)
  const provider = chooseProvider(settings.EXECUTION_PROVIDER, env.LD_LIBRARY_PATH)
  const config = withProviderDefaults(settings, given, provider.executionProvider)
  log.info({ ...provider, maxBatchTokens: config.MAX_BATCH_TOKENS, longTextTokens: config.LONG_TEXT_TOKENS }, 'execution provider')
  const metrics = createMetrics()
  // The models load in processes and threads of their own while the HTTP side is still being imported here.
  const models = startModels(config, metrics, log, { locate: modelLocator(config, env, logPull(log)), provider, precisionFolder: precisionFolder(env) })
  const { startService } = await import('../serving/start-service.ts')
  const service = await startService(config, models, metrics, log)
  log.info({ address: service.address, processId: process.pid }, 'listening')

  let isStopping = false
  return new Promise((resolve) => {
    closeWithGrace({ delay: config.DRAIN_DELAY_MS + config.DEADLINE_MS + TEARDOWN_MS, logger: false }, async ({ signal, err }) => {
      isStopping = true
      if (err) log.fatal({ err }, 'unexpected failure; stopping')
      else log.info({ signal }, 'draining')
      await service.drain()
      log.info({}, 'stopped')
    })
    models.ready.then(
      () => log.info({ startMs: Math.round(performance.now()) }, 'ready'),
      (error) => {
        // Models that are still being loaded never become ready then, and nothing is wrong with them.
        if (isStopping) return
        const { code, message } = serviceErrorFrom(error)
        log.fatal({ code, reason: message }, 'the model cannot be served')
        void service.drain().then(() => resolve(exitCodeOf(code)))
      }
    )
  })
}

/** What a service says in its log while it fetches its model. */
function logPull(log: ReturnType<typeof createLogger>): OnPullEvent {
  return (event) => {
    const { kind, ...fields } = event
    if (kind === 'plan') log.info(fields, 'model found on the hub')
    else if (kind === 'file') log.info(fields, 'model file ready')
    else if (kind === 'retry') log.warn(fields, 'hub asked again')
    else if (kind === 'wait') log.info(fields, 'another process fetches this file')
    else if (kind === 'cached') log.warn(fields, 'the hub could not be asked; the model in the cache is used')
  }
}
