import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { ApiKeys, parseApiKeys } from '../../src/config/api-keys.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { type ErrorCode, ServiceError } from '../../src/errors.ts'
import { buildApp } from '../../src/http/build-app.ts'
import type { ServedModels } from '../../src/http/served-models.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { FakeTextTokenizer } from './fake-text-tokenizer.ts'

interface LoadingAppSettings {
  readonly ids?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly key?: string
  /** What every request that needs a model is answered with. By default models are loading, and the tokenizer works. */
  readonly error?: ErrorCode
}

/** The HTTP app in front of models that never finish loading, so that only their fake tokenizer works. */
export async function loadingApp({ ids = ['small'], env = {}, key, error }: LoadingAppSettings = {}): Promise<{
  readonly app: FastifyInstance
  readonly tokenizer: FakeTextTokenizer
}> {
  const tokenizer = new FakeTextTokenizer()
  const models: ServedModels = {
    ids,
    health: () => ({ status: 'starting', reason: 'the model is loading', models: [] }),
    backlogSeconds: () => 1,
    scoring: () => {
      throw new ServiceError(error ?? 'starting', 'the model is loading')
    },
    async tokenizing(id) {
      if (error !== undefined) throw new ServiceError(error, 'the model is loading')
      return { id, maxModelLen: 64, tokenizer }
    }
  }
  const { config } = loadConfig([], env)
  const apiKeys = new ApiKeys(key === undefined ? [] : parseApiKeys(key))
  const app = await buildApp({ config, metrics: createMetrics(), apiKeys, models }, pino({ level: 'silent' }))
  return { app, tokenizer }
}
