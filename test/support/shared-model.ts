import { type Logger, pino } from 'pino'
import { loadConfig } from '../../src/config/load-config.ts'
import { locateOnlyFolder } from '../../src/model/locate-model.ts'
import { createMetrics, type Metrics } from '../../src/observability/metrics.ts'
import { chooseProvider } from '../../src/provider/choose-provider.ts'
import type { ModelRegistry } from '../../src/serving/model-registry.ts'
import { startModels } from '../../src/serving/start-models.ts'

/** The embedded model with its engine and all that scores with it, behind no HTTP. */
export interface SharedModel {
  readonly models: ModelRegistry
  /** Of all that ask the model, and so of several tests. */
  readonly metrics: Metrics
  /** What the model and its engine logged. */
  readonly log: readonly string[]
}

/** Equal requests are computed each time, so that a test which repeats one sees the engine. */
const SETTINGS = { LOGPR_RESULT_CACHE_BYTES: '0' }
/** Files run one after another in a process: the next one takes the model over within this time. */
const KEPT_MS = 1000

let started: Promise<SharedModel> | undefined
let users = 0
let end: NodeJS.Timeout | undefined

/** Started by the first caller of a process and the same for all: a start costs seconds. Each gives it back once with `releaseModel`. */
export async function acquireModel(): Promise<SharedModel> {
  clearTimeout(end)
  users++
  started ??= start()
  return started
}

/** An engine that nobody has would keep the process from ending. */
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

/** A logger that leaves out nothing, unlike the service's own: a text that is handed to it is seen. */
export function openLog(lines: string[]): Logger {
  return pino({ level: 'info' }, { write: (line) => lines.push(line) })
}
