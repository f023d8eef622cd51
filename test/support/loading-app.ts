import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { ApiKeys, parseApiKeys } from '../../src/config/api-keys.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { ServiceError } from '../../src/errors.ts'
import { buildApp } from '../../src/http/build-app.ts'
import type { ServedModels } from '../../src/http/served-models.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { FakeTextTokenizer } from './fake-text-tokenizer.ts'

interface LoadingAppSettings {
  readonly ids?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly key?: string
}

/** The HTTP app in front of models that never finish loading, so that only their fake tokenizer works. */
export async function loadingApp({ ids = ['small'], env = {}, key }: LoadingAppSettings = {}): Promise<{
  readonly app: FastifyInstance
  readonly tokenizer: FakeTextTokenizer
}> {
  const tokenizer = new FakeTextTokenizer()
  const models: ServedModels = {
    ids,
    health: () => ({ status: 'starting', reason: 'the model is loading', models: [] }),
    backlogSeconds: () => 1,
    scoring: () => {
      throw new ServiceError('starting', 'the model is loading')
    },
    tokenizing: async (id) => ({ id, maxModelLen: 64, tokenizer })
  }
  const { config } = loadConfig([], env)
  const apiKeys = new ApiKeys(key === undefined ? [] : parseApiKeys(key))
  const app = await buildApp({ config, metrics: createMetrics(), apiKeys, models }, pino({ level: 'silent' }))
  return { app, tokenizer }
}
