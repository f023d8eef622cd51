import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeDynamicInt8Model } from '../faults/graph/dynamic-int8.ts'
import { EMBEDDED_FOLDER } from '../faults/measure.ts'
import { completionsOf } from '../support/completions-body.ts'
import { logprobBody } from '../support/logprob-body.ts'
import { startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const PAIRS = Array.from({ length: 12 }, (_, i) => ({ x: 'The children ran down to the', y: ` river${' and back'.repeat(i % 4)}` }))

test('a dynamic int8 model is scored one text at a time, and every result is marked approximate', async (t) => {
  const folder = tempFolder(t)
  writeDynamicInt8Model(EMBEDDED_FOLDER, folder)
  const service = await startService({ LOGPR_MODEL: folder, LOGPR_VERIFY_PERCENT: '0', LOGPR_RESULT_CACHE_BYTES: '0' })
  t.after(() => service.stop())

  // Without this, equal texts of a request, or of an earlier one, would be scored only once.
  const requests = [PAIRS.slice(0, 4), PAIRS.slice(4, 8), PAIRS.slice(8)]
  const answers = await Promise.all(requests.map(async (pairs) => logprobBody(await service.post('/v1/logprob', { pairs }))))
  const results = answers.flatMap((answer) => answer.results)
  for (const { stamp } of answers) assert.equal(stamp.causal, 'approximate')
  for (const { warnings } of results)
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['approximate_model']
    )
  // Equal texts have equal scores only if no other text of a batch affects them.
  const byText = new Map<string, number | null | undefined>()
  results.forEach(({ log_prob: terms }, i) => {
    const known = byText.get(PAIRS[i]!.y)
    assert.equal(terms.joint, known ?? terms.joint)
    byText.set(PAIRS[i]!.y, terms.joint)
  })

  const models = (await (await service.get('/v1/models')).json()) as { data: { causal: string; self_test: { verdict: string; tolerance_nats: number } }[] }
  const [model] = models.data
  assert.deepEqual([model?.causal, model?.self_test.verdict, model?.self_test.tolerance_nats], ['approximate', 'warn', 0.5])

  const metrics = await (await service.get('/metrics')).text()
  const metricOf = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1])
  const batches = metricOf('logpr_batch_sequences_count\\{model="[^"]+"\\}')
  // Equal texts that wait or run at the same time are computed once.
  assert.ok(batches >= byText.size && batches <= PAIRS.length, `${batches} batches`)
  assert.equal(metricOf('logpr_batch_sequences_bucket\\{le="1",model="[^"]+"\\}'), batches)

  const deep = await logprobBody(await service.post('/v1/logprob', { ...PAIRS[3], verify: 'deep' }))
  assert.notEqual(deep.results[0]?.checks.verdict, 'fail')

  // max_tokens 1 feeds one more token, whose quantization scale changes all other scores, so only the warning can be
  // compared.
  const { logpr } = await completionsOf(service, { prompt: PAIRS.slice(0, 4).map(({ x, y }) => x + y), max_tokens: 1, echo: true, logprobs: 1 })
  assert.deepEqual([logpr.stamp.causal, logpr.warnings.map(({ code }) => code)], ['approximate', ['approximate_model']])
})
