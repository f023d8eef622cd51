import { pino } from 'pino'
import { CompletionsEvaluator } from '../../../src/completions/evaluate.ts'
import { ApiKeys } from '../../../src/config/api-keys.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import type { EvaluationContext } from '../../../src/evaluation/evaluation-context.ts'
import { LogprobEvaluator } from '../../../src/evaluation/logprob-evaluator.ts'
import { buildApp } from '../../../src/http/build-app.ts'
import type { ScoringModel, ServedModels } from '../../../src/http/served-models.ts'
import { LossEvaluator } from '../../../src/loss/evaluate.ts'
import { createMetrics } from '../../../src/observability/metrics.ts'
import { PerplexityEvaluator } from '../../../src/perplexity/evaluate.ts'
import { Scheduler } from '../../../src/scheduling/scheduler.ts'
import { FakeModel, type ModelFaults } from '../../support/fake-model.ts'
import { FakeTextTokenizer } from '../../support/fake-text-tokenizer.ts'
import { FakeTokenizer } from '../../support/fake-tokenizer.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const SHAPE = { vocabSize: 14, textVocabSize: 14 }
const ID = 'broken'
const FAULTS: Readonly<Record<string, ModelFaults>> = {
  NaN: { changedByNats: Number.NaN },
  '+Infinity': { changedByNats: Number.POSITIVE_INFINITY },
  '-Infinity': { changedByNats: Number.NEGATIVE_INFINITY },
  'a masked token': { maskedId: 3 }
}
const REQUESTS: readonly (readonly [path: string, body: object])[] = [
  ['/v1/logprob', { x: 'b', y: 'a' }],
  ['/v1/logprob', { x: 'b', y: 'a', detail: 'tokens', top_logprobs: 3 }],
  [
    '/v1/logprob',
    {
      pairs: [
        { x: 'b', y: 'a' },
        { x: 'a', y: 'b' }
      ]
    }
  ],
  ['/v1/loss', { x: 'b', y: 'a' }],
  ['/v1/rerank', { query: 'b', documents: ['a', 'b'], separator: '' }],
  ['/v1/completions', { prompt: 'ba', max_tokens: 0, echo: true, logprobs: 2 }],
  ['/v1/completions', { prompt: [4, 3], max_tokens: 1, echo: true, logprobs: 1 }]
]

/** The real HTTP app and evaluators in front of a model whose numbers are not finite. */
async function appOn(faults: ModelFaults) {
  const scheduler = new Scheduler(new FakeModel(SHAPE, faults), { maxBatchTokens: 64, longTextTokens: 32, maxQueueTokens: 1000 })
  const context: EvaluationContext = {
    tokenizer: new FakeTokenizer(),
    vocabSize: SHAPE.vocabSize,
    maxModelLen: 16,
    prefixTokenId: 0,
    toleranceNats: 1e-3,
    claimsFloat32: true,
    causal: 'exact'
  }
  const scoring = {
    model: { id: ID, stamp: {}, maxModelLen: 16, vocabSize: SHAPE.vocabSize, prefixTokenId: 0 },
    logprobEvaluator: new LogprobEvaluator(context, scheduler),
    lossEvaluator: new LossEvaluator(context, scheduler),
    completionsEvaluator: new CompletionsEvaluator(context, scheduler),
    perplexityEvaluator: new PerplexityEvaluator(context, scheduler),
    itemsScored: () => undefined
  } as unknown as ScoringModel
  const models: ServedModels = {
    ids: [ID],
    health: () => ({ status: 'ready', reason: 'the self-test passed', models: [] }),
    backlogSeconds: () => 1,
    scoring: () => scoring,
    tokenizing: async (id) => ({ id, maxModelLen: 16, tokenizer: new FakeTextTokenizer() })
  }
  const { config } = loadConfig([], {})
  return buildApp({ config, metrics: createMetrics(), apiKeys: new ApiKeys([]), models }, pino({ level: 'silent' }))
}

/** Which documented form an answer has; null for none. */
function formOf(path: string, status: number, text: string): string | null {
  if (status === 500) return (JSON.parse(text) as { code?: string }).code === 'non_finite_logits' ? 'error non_finite_logits' : null
  if (status !== 200) return null
  if (text.includes('"non_finite_logits"')) return 'error of the item'
  if (path === '/v1/completions' && text.includes('-9999')) return '-9999 with a warning'
  return null
}

async function measure(): Promise<Measured> {
  const forms = new Map<string, number>()
  const undocumented: string[] = []
  for (const [fault, faults] of Object.entries(FAULTS)) {
    const app = await appOn(faults)
    for (const [path, body] of REQUESTS) {
      const { statusCode, payload } = await app.inject({ method: 'POST', url: path, payload: { model: ID, ...body } })
      const form = formOf(path, statusCode, payload)
      if (form === null) undocumented.push(`${fault} on ${path}: ${statusCode}`)
      else forms.set(form, (forms.get(form) ?? 0) + 1)
    }
    await app.close()
  }
  const times = [...forms].map(([form, count]) => `${count} x ${form}`).join(', ')
  return {
    isKept: undocumented.length === 0,
    measured: `${Object.keys(FAULTS).length} faults of a model on ${REQUESTS.length} requests: ${times}; ${undocumented.length} in another form${undocumented.length === 0 ? '' : ` (${undocumented.join('; ')})`}`
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'A3',
    claim: 'A value that is not finite is an error of its item, and -9999 with a warning on /v1/completions; never null and never a number.',
    target: 'NaN, +Infinity, -Infinity and a masked token from the model: every answer has the documented form, 0 x null without one, 0 x another 500',
    measure
  }
]
