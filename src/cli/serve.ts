import type { Logger } from 'pino'
import { openServiceWarning } from '../config/conflicts.ts'
import { unknownVariables } from '../config/environment.ts'
import { loadConfig } from '../config/load-config.ts'
import { withProviderDefaults } from '../config/provider-defaults.ts'
import { serviceErrorFrom } from '../errors.ts'
import type { OnPullEvent } from '../hub/pull-progress.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { createLogger, isPretty } from '../observability/logger.ts'
import { createMetrics } from '../observability/metrics.ts'
import { startTracing } from '../observability/tracing.ts'
import type { EarlyStop } from '../process/early-stop.ts'
import { chooseProvider } from '../provider/choose-provider.ts'
import type { ModelRegistry } from '../serving/model-registry.ts'
import { startModels } from '../serving/start-models.ts'
import { EXIT_FAILED, exitCodeOf } from './exit-codes.ts'
import { modelLocator } from './model-locator.ts'
import { ServiceStop } from './service-stop.ts'
import { startSummary } from './start-summary.ts'

/** Time in addition to the drain delay and the longest request before a stop is forced. */
const TEARDOWN_MS = 5000
/** How often the service looks whether a model has failed for good. */
const FAILURE_CHECK_MS = 500

/**
 * `logpr serve`: runs until SIGTERM or SIGINT; a second signal stops at once. Exits with an error code when a model
 * cannot be served, or has failed for good. `earlyStop` handles the signals until this function does.
 */
export async function serve(argv: readonly string[], env: NodeJS.ProcessEnv, earlyStop: EarlyStop): Promise<number> {
  const { config: settings, given } = loadConfig(argv, env)
  const log = await createLogger(settings.LOG_LEVEL, 1, settings.LOG_FORMAT)
  for (const warning of [...unknownVariables(env), openServiceWarning(settings)]) if (warning !== null) log.warn({}, warning)
  const stop = new ServiceStop(settings.DRAIN_DELAY_MS + settings.DEADLINE_MS + TEARDOWN_MS, log, settings.API_KEYS_FILE !== '')
  earlyStop.release()
  const provider = chooseProvider(settings.EXECUTION_PROVIDER, env.LD_LIBRARY_PATH)
  const config = withProviderDefaults(settings, given, provider.executionProvider)
  log.info({ ...provider, maxBatchTokens: config.MAX_BATCH_TOKENS, longTextTokens: config.LONG_TEXT_TOKENS }, 'execution provider')
  const traces = await startTracing(env, log)
  const metrics = createMetrics()
  // The models start loading in their own processes and threads while this thread imports the HTTP modules.
  const models = startModels(config, metrics, log, { locate: modelLocator(config, env, logPull(log)), provider, precisionFolder: precisionFolder(env) })
  stop.by(() => models.close())
  const { startService } = await import('../serving/start-service.ts')
  const service = await startService(config, models, metrics, log)
  stop.by(async () => {
    await service.drain()
    await traces?.stop()
  })
  const { address, managementAddress } = service
  const basePath = config.BASE_PATH === '' ? undefined : config.BASE_PATH
  log.info({ address, basePath, managementAddress: managementAddress ?? undefined, processId: process.pid }, 'listening')

  models.ready.then(
    () => {
      log.info({ startMs: Math.round(performance.now()) }, 'ready')
      if (isPretty(settings.LOG_FORMAT, 1) && log.isLevelEnabled('info')) {
        process.stdout.write(startSummary(models, address + config.BASE_PATH, managementAddress))
      }
      if (config.EXIT_ON_FAILURE) watchForFailure(models, (reason) => stop.fail(EXIT_FAILED, { reason }, 'a model has failed for good, stopping'))
    },
    (error) => {
      const { code, message } = serviceErrorFrom(error)
      stop.fail(exitCodeOf(code), { code, reason: message }, 'the model cannot be served')
    }
  )
  return stop.exitCode
}

function watchForFailure(models: ModelRegistry, onFailed: (reason: string) => void): void {
  const timer = setInterval(() => {
    const { status, reason } = models.health()
    if (status !== 'failed') return
    clearInterval(timer)
    onFailed(reason)
  }, FAILURE_CHECK_MS)
}

/** Logs the download of a model. */
function logPull(log: Logger): OnPullEvent {
  return (event) => {
    const { kind, ...fields } = event
    if (kind === 'plan') log.info(fields, 'model found on the hub')
    else if (kind === 'file') log.info(fields, 'model file ready')
    else if (kind === 'retry') log.warn(fields, 'retrying a request to the hub')
    else if (kind === 'wait') log.info(fields, 'waiting for another process to download this file')
    else if (kind === 'cached') log.warn(fields, 'hub unreachable, using the cached model')
  }
}
