import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { EMBEDDED_FOLDER } from '../faults/measure.ts'
import { logprobBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { endOfStart, MAIN, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface Model {
  readonly dtype: string
  readonly causal: string
  readonly numerics: { readonly weights: string }
  readonly self_test: { readonly verdict: string }
  readonly precision: {
    readonly was_cached: boolean
    readonly mean_difference_nats: number
    readonly max_difference_nats: number
    readonly tokens: number
  } | null
  readonly memory: PredictedMemory
}

interface PredictedMemory {
  readonly weight_bytes: number
  readonly prefix_cache_bytes: number
  /** Of GET /v1/models. */
  readonly budget_bytes?: number
}

const PAIR = { x: 'The children ran down to the', y: ' river' }
/** Score with the original weights (docs/reference/scoring.md). */
const CONDITIONAL = -3.79

/** What `logpr inspect` says of rounded weights in a cache and of memory. */
async function inspected(cache: string): Promise<{ is_prepared: boolean; weights: number; memory: PredictedMemory & { budgets: { pass_bytes: number }[] } }> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'inspect', '--precision', 'int8', '--json', 'true'], {
    env: { ...process.env, XDG_CACHE_HOME: cache }
  })
  const { precision, memory } = JSON.parse(stdout) as { precision: { is_prepared: boolean; weights: number }; memory: never }
  return { ...precision, memory }
}

test('--precision int8 serves the embedded model with 8-bit weights, reports the change, and reuses them at the next start', async (t) => {
  const cache = tempFolder(t)
  const before = await inspected(cache)
  const models: Model[] = []
  const scores: number[] = []
  for (const _ of [1, 2]) {
    const service = await startService({ LOGPR_PRECISION: 'int8', XDG_CACHE_HOME: cache })
    t.after(() => service.stop())
    const { results, stamp } = await logprobBody(await service.post('/v1/logprob', { ...PAIR, verify: 'deep' }))
    assert.deepEqual([stamp.dtype, stamp.causal, results[0]?.checks.verdict], ['int8', 'exact', 'pass'])
    scores.push(present(results[0]?.log_prob.conditional))
    models.push(...((await (await service.get('/v1/models')).json()) as { data: Model[] }).data)
    await service.stop()
  }
  assert.deepEqual(
    models.map(({ dtype, causal, numerics, self_test, precision }) => [dtype, causal, numerics.weights, self_test.verdict, precision?.was_cached]),
    [
      ['int8', 'exact', 'int8', 'pass', false],
      ['int8', 'exact', 'int8', 'pass', true]
    ]
  )
  const [first, second] = models.map(({ precision }) => precision)
  assert.ok(first !== null && first !== undefined && first.tokens > 30)
  assert.ok(first.mean_difference_nats > 0 && first.mean_difference_nats < 0.1 && first.max_difference_nats < 1)
  assert.equal(second?.mean_difference_nats, first.mean_difference_nats)
  assert.equal(scores[0], scores[1])
  // Six layers of q, k, v, o, gate, up and down.
  assert.deepEqual([before.is_prepared, before.weights, (await inspected(cache)).is_prepared], [false, 42, true])
  const { weight_bytes, prefix_cache_bytes, budgets } = before.memory
  assert.deepEqual(
    models.map(({ memory }) => memory).map((memory) => [memory.weight_bytes, memory.prefix_cache_bytes, memory.budget_bytes]),
    [1, 2].map(() => [weight_bytes, prefix_cache_bytes, budgets[0]?.pass_bytes])
  )
  assert.ok(Math.abs(present(scores[0]) - CONDITIONAL) < 0.5 && scores[0] !== CONDITIONAL)
})

test('a cache folder that is not writable ends the start with the variable to set', async (t) => {
  const folder = tempFolder(t, { file: '' })
  const { code, output } = await endOfStart({ LOGPR_PRECISION: 'int8', LOGPR_MODEL: EMBEDDED_FOLDER, XDG_CACHE_HOME: join(folder, 'file') })
  assert.notEqual(code, 0)
  assert.match(output, /the 8-bit weights could not be cached: .* set XDG_CACHE_HOME to another folder/)
})
