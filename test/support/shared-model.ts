import { type Logger, pino } from 'pino'
import { loadConfig } from '../../src/config/load-config.ts'
import { locateOnlyFolder } from '../../src/model/locate-model.ts'
import { createMetrics, type Metrics } from '../../src/observability/metrics.ts'
import { chooseProvider } from '../../src/provider/choose-provider.ts'
import type { ModelRegistry } from '../../src/serving/model-registry.ts'
import { startModels } from '../../src/serving/start-models.ts'

/** The embedded model with its engine and evaluators, without HTTP. */
export interface SharedModel {
  readonly models: ModelRegistry
  /** Shared by several tests, like the model. */
  readonly metrics: Metrics
  /** Log lines of the model and its engine. */
  readonly log: readonly string[]
}

/** Without the result cache, a repeated request reaches the engine. */
const SETTINGS = { LOGPR_RESULT_CACHE_BYTES: '0' }
/** The test files of a process run one after another. The next one reuses the model if it starts within this time. */
const KEPT_MS = 1000

let started: Promise<SharedModel> | undefined
let users = 0
let end: NodeJS.Timeout | undefined

/**
 * Returns the one model of this process, which the first caller starts, because a start takes seconds. Each caller
 * calls `releaseModel` once.
 */
export async function acquireModel(): Promise<SharedModel> {
  clearTimeout(end)
  users++
  started ??= start()
  return started
}

/** Closes the model after its last user: a running engine would keep the process alive. */
export function releaseModel(): void {
  users--
  if (users > 0) return
  end = setTimeout(async () => {
    const ending = started
    started = undefined
    await (await ending)?.models.close()
  }, KEPT_MS)
}

async function start(): Promise<SharedModel> {
  const log: string[] = []
  const metrics = createMetrics()
  const { config } = loadConfig([], SETTINGS)
  const models = startModels(config, metrics, openLog(log), {
    locate: () => locateOnlyFolder(config.MODEL),
    provider: chooseProvider(config.EXECUTION_PROVIDER, undefined)
  })
  await models.ready
  return { models, metrics, log }
}

/** A logger without the redaction of the service's own, so that a test notices any request text that is logged. */
export function openLog(lines: string[]): Logger {
  return pino({ level: 'info' }, { write: (line) => lines.push(line) })
}
