import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type LogprobResultBody, logprobBody } from './logprob-body.ts'
import { present } from './present.ts'
import { pause, type RunningService, startService } from './running-service.ts'

/** Made by scripts/golden/golden.py with transformers in float64. */
interface Golden {
  readonly model_sha256: string
  readonly items: readonly GoldenItem[]
}
interface GoldenItem {
  readonly x: string
  readonly y: string
  readonly merged: boolean
  readonly x_ids: readonly number[]
  readonly y_ids: readonly number[]
  readonly log_probs_x: readonly number[]
  readonly log_probs_y: readonly number[]
}

/**
 * Nats per token. Float32 rounding in six layers causes about 1e-5; the smallest planted fault, a wrong position,
 * causes 0.1.
 */
const TOLERANCE = 1e-4
const BATCH = 64
/** Scores every `step`-th golden pair alone, 64 pairs at once, and again after the engine was killed. */
export function goldenSuite(step: number): void {
  const golden = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'golden', 'embedded.json'), 'utf8')) as Golden
  const items = golden.items.filter((_, i) => i % step === 0)
  let service: RunningService
  let alone: LogprobResultBody[]

  before(async () => {
    service = await startService()
  })
  after(() => service.stop())

  describe(`${items.length} pairs against transformers in float64`, () => {
    test('the golden values belong to the embedded model', async () => {
      const { data } = (await (await service.get('/v1/models')).json()) as { data: { files: { file: string; sha256: string }[] }[] }
      assert.equal(data[0]?.files[0]?.sha256, golden.model_sha256)
    })

    test('one pair per request: the same tokens, and log-probabilities within 1e-4 nats per token', async (t) => {
      alone = []
      for (const item of items) alone.push(...(await scored(service, [item])))

      for (const [i, item] of items.entries()) {
        assert.deepEqual(idsOf(alone[i], 'x'), item.x_ids)
        assert.deepEqual(idsOf(alone[i], 'y'), item.y_ids)
        assert.equal(alone[i]?.boundary.merged, item.merged)
      }
      const { perToken, perSum } = differences(items, alone)
      t.diagnostic(`largest difference to float64: ${perToken.toExponential(2)} nats per token, ${perSum.toExponential(2)} nats of a joint sum`)
      assert.ok(perToken <= TOLERANCE)
    })

    test('64 pairs per request: within 1e-4 nats per token of float64 and of the same pair alone', async (t) => {
      const batched = await inBatches(service, items)

      const { perToken } = differences(items, batched)
      const toAlone = largestJointDifference(alone, batched)
      t.diagnostic(
        `largest difference to float64: ${perToken.toExponential(2)} nats per token; to the same pair alone: ${toAlone.toExponential(2)} nats of a joint sum`
      )
      assert.ok(perToken <= TOLERANCE)
      assert.ok(toAlone <= TOLERANCE)
    })

    test('after the engine was killed and replaced: within 1e-4 nats per token of the earlier result', async (t) => {
      process.kill(service.enginePid(), 'SIGKILL')
      await pause(50)
      await service.untilReady()
      const again = await inBatches(service, items)

      const toBefore = largestJointDifference(alone, again)
      t.diagnostic(`largest difference to before: ${toBefore.toExponential(2)} nats of a joint sum`)
      assert.ok(differences(items, again).perToken <= TOLERANCE)
      assert.ok(toBefore <= TOLERANCE)
    })
  })
}

async function inBatches(service: RunningService, items: readonly GoldenItem[]): Promise<LogprobResultBody[]> {
  const results: LogprobResultBody[] = []
  for (let at = 0; at < items.length; at += BATCH) results.push(...(await scored(service, items.slice(at, at + BATCH))))
  return results
}

async function scored(service: RunningService, items: readonly GoldenItem[]): Promise<readonly LogprobResultBody[]> {
  const response = await service.post('/v1/logprob', { detail: 'tokens', pairs: items.map(({ x, y }) => ({ x, y })) })
  assert.equal(response.status, 200)
  return (await logprobBody(response)).results
}

function idsOf(result: LogprobResultBody | undefined, part: string): number[] {
  return present(result?.tokens)
    .filter((token) => token.part === part)
    .map(({ id }) => id)
}

function differences(items: readonly GoldenItem[], results: readonly LogprobResultBody[]): { perToken: number; perSum: number } {
  let perToken = 0
  let perSum = 0
  for (const [i, item] of items.entries()) {
    const expected = [...item.log_probs_x, ...item.log_probs_y]
    const found = present(results[i]?.tokens)
      .slice(1)
      .map(({ log_prob: logProb }) => present(logProb))
    assert.equal(found.length, expected.length)
    perToken = Math.max(perToken, ...found.map((value, k) => Math.abs(value - present(expected[k]))))
    perSum = Math.max(perSum, Math.abs(present(results[i]?.log_prob.joint) - expected.reduce((sum, value) => sum + value, 0)))
  }
  return { perToken, perSum }
}

function largestJointDifference(a: readonly LogprobResultBody[], b: readonly LogprobResultBody[]): number {
  return Math.max(...a.map((result, i) => Math.abs(present(result.log_prob.joint) - present(b[i]?.log_prob.joint))))
}
