import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { hashOfKey } from '../../src/config/api-keys.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { ServiceError } from '../../src/errors.ts'
import { buildApp } from '../../src/http/build-app.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { FakeTextTokenizer } from './fake-text-tokenizer.ts'

/** The HTTP app with fake tokenizers, for models that never finish loading. */
export async function tokenizingApp({
  models = ['small'],
  env = {},
  key
}: {
  readonly models?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly key?: string
} = {}): Promise<{ readonly app: FastifyInstance; readonly tokenizer: FakeTextTokenizer }> {
  const tokenizer = new FakeTextTokenizer()
  const app = await buildApp(
    {
      config: loadConfig([], env).config,
      metrics: createMetrics(),
      apiKeyHashes: key === undefined ? [] : [hashOfKey(key)],
      modelIds: models,
      health: () => ({ status: 'starting', reason: 'the model is loading', models: [] }),
      scoring: () => {
        throw new ServiceError('starting', 'the model is loading')
      },
      tokenizing: async (id) => ({ id, maxModelLen: 64, tokenizer })
    },
    pino({ level: 'silent' })
  )
  return { app, tokenizer }
}
