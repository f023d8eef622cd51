import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { parseApiKeys } from './config/api-keys.ts'
import type { Config } from './config/options.ts'
import { ServiceError, serviceErrorFrom } from './errors.ts'
import { buildApp } from './http/build-app.ts'
import { trackConnections } from './http/open-connections.ts'
import type { Health, Service } from './http/service.ts'
import { createMetrics } from './observability/metrics.ts'
import type { ReadyBackend } from './ready-backend.ts'
import type { ScoringBackend } from './scoring-backend.ts'
import { keepVigil, type Vigil } from './vigil.ts'

export interface RunningService {
  readonly app: FastifyInstance
  readonly address: string
  /** Resolves when /readyz says yes; rejects with the reason why it never will. */
  readonly ready: Promise<void>
  /** Stops without losing a request: /readyz says no, then connections end after their answer, then the engine ends. */
  drain(): Promise<void>
}

/** Puts HTTP in front of a backend and listens; the model goes on loading meanwhile, and /readyz says when it is done. */
export async function startService(config: Config, backend: ScoringBackend, log: Logger): Promise<RunningService> {
  const apiKeyHashes = config.API_KEYS_FILE === '' ? [] : parseApiKeys(readKeyFile(config.API_KEYS_FILE))
  let loaded: ReadyBackend | null = null
  let vigil: Vigil | null = null
  let failure: ServiceError | null = null
  let isDraining = false

  const metrics = createMetrics({
    queuedTokens: () => backend.scheduler.queued.tokens,
    queuedSequences: () => backend.scheduler.queued.sequences,
    engineRestarts: () => backend.engine.restarts,
    isReady: () => health().status === 'ready'
  })
  backend.scheduler.observe({
    batchDone({ sequences, tokens, paddedTokens, runMs, queueMs }) {
      metrics.batchSeconds.observe(runMs / 1000)
      metrics.queueSeconds.observe(queueMs / 1000)
      metrics.batchSequences.observe(sequences)
      metrics.computedTokens.inc(tokens)
      metrics.paddingTokens.inc(paddedTokens - tokens)
    },
    jobsDropped: (reason, count) => metrics.droppedSequences.inc({ reason }, count)
  })
  const ready = backend.ready.then(
    (model) => {
      loaded = model
      vigil = keepVigil(config, backend, model, metrics, log)
    },
    (error) => {
      failure = serviceErrorFrom(error)
      throw failure
    }
  )
  ready.catch(() => {})

  function health(): Health {
    const { state } = backend.engine
    // A service that stops because its model cannot be served says that.
    if (failure !== null) return { status: 'failed', reason: failure.message }
    if (isDraining) return { status: 'draining', reason: 'the service is stopping' }
    if (state === 'failed') return { status: 'failed', reason: backend.engine.failure?.message ?? 'the engine process cannot be started' }
    if (backend.tokenizerHasEnded()) return { status: 'failed', reason: 'the tokenizer thread has ended; the service has to be started again' }
    if (loaded === null) return { status: 'starting', reason: 'the model is being loaded' }
    if (state === 'restarting') return { status: 'restarting', reason: 'the engine process ended and is being replaced; requests wait for it' }
    return { status: 'ready', reason: 'a forward pass gave its known answer' }
  }

  const service: Service = {
    config,
    metrics,
    apiKeyHashes,
    health,
    scoring() {
      if (loaded !== null && backend.engine.failure !== null) throw new ServiceError('engine_unavailable', backend.engine.failure.message)
      if (loaded !== null) return loaded
      throw failure ?? new ServiceError('starting', 'the model is being loaded', { retryAfterSeconds: 1 })
    }
  }
  const app = await buildApp(service, log)
  const connections = trackConnections(app.server)
  const address = await app.listen({ host: config.HOST, port: config.PORT }).catch((error: NodeJS.ErrnoException) => {
    throw new ServiceError(
      'configuration_invalid',
      `cannot listen on ${config.HOST}:${config.PORT} (${error.code}); is another service there? --port 0 picks a free one`,
      { cause: error }
    )
  })
  return {
    app,
    address,
    ready,
    async drain() {
      isDraining = true
      vigil?.end()
      await new Promise((resolve) => setTimeout(resolve, config.DRAIN_DELAY_MS))
      const closed = app.close()
      connections.endIdle()
      await closed
      await backend.close()
    }
  }
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ServiceError('configuration_invalid', `the API key file ${path} cannot be read`, { cause: error })
  }
}
