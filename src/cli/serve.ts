import closeWithGrace from 'close-with-grace'
import { loadConfig, withProviderDefaults } from '../config/load-config.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { OnPullEvent } from '../hub/pull-progress.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { createLogger } from '../observability/logger.ts'
import { createMetrics } from '../observability/metrics.ts'
import { startTracing } from '../observability/tracing.ts'
import { chooseProvider } from '../provider/choose-provider.ts'
import { startModels } from '../serving/start-models.ts'
import { exitCodeOf } from './exit-codes.ts'
import { modelLocator } from './model-locator.ts'

/** Time in addition to the drain delay and the longest request before a stop is forced. */
const TEARDOWN_MS = 5000

/**
 * `logpr serve`: runs until SIGTERM or SIGINT; a second signal stops at once. Exits with an error code when a model
 * cannot be served.
 */
export async function serve(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config: settings, positionals, given } = loadConfig(argv, env)
  if (positionals.length > 0)
    throw new ServiceError('configuration_invalid', `serve takes no positional arguments (got ${positionals.length}); a boolean flag takes true or false`)
  const log = createLogger(settings.LOG_LEVEL, 1)
  const provider = chooseProvider(settings.EXECUTION_PROVIDER, env.LD_LIBRARY_PATH)
  const config = withProviderDefaults(settings, given, provider.executionProvider)
  log.info({ ...provider, maxBatchTokens: config.MAX_BATCH_TOKENS, longTextTokens: config.LONG_TEXT_TOKENS }, 'execution provider')
  const traces = await startTracing(env, log)
  const metrics = createMetrics()
  // The models start loading in their own processes and threads while this thread imports the HTTP modules.
  const models = startModels(config, metrics, log, { locate: modelLocator(config, env, logPull(log)), provider, precisionFolder: precisionFolder(env) })
  const { startService } = await import('../serving/start-service.ts')
  const service = await startService(config, models, metrics, log)
  log.info({ address: service.address, managementAddress: service.managementAddress ?? undefined, processId: process.pid }, 'listening')

  let isStopping = false
  return new Promise((resolve) => {
    closeWithGrace({ delay: config.DRAIN_DELAY_MS + config.DEADLINE_MS + TEARDOWN_MS, logger: false }, async ({ signal, err }) => {
      isStopping = true
      if (err) log.fatal({ err }, 'unexpected error, stopping')
      else log.info({ signal }, 'draining')
      await service.drain()
      await traces?.stop()
      log.info({}, 'stopped')
    })
    models.ready.then(
      () => log.info({ startMs: Math.round(performance.now()) }, 'ready'),
      (error) => {
        // Models that were loading when the service was stopped also reject.
        if (isStopping) return
        const { code, message } = serviceErrorFrom(error)
        log.fatal({ code, reason: message }, 'the model cannot be served')
        void service.drain().then(() => resolve(exitCodeOf(code)))
      }
    )
  })
}

/** Logs the download of a model. */
function logPull(log: ReturnType<typeof createLogger>): OnPullEvent {
  return (event) => {
    const { kind, ...fields } = event
    if (kind === 'plan') log.info(fields, 'model found on the hub')
    else if (kind === 'file') log.info(fields, 'model file ready')
    else if (kind === 'retry') log.warn(fields, 'retrying a request to the hub')
    else if (kind === 'wait') log.info(fields, 'waiting for another process to download this file')
    else if (kind === 'cached') log.warn(fields, 'hub unreachable, using the cached model')
  }
}
