import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pause, type RunningService, startService } from '../support/running-service.ts'
import { compare } from './lm-eval/compare.ts'
import { localCompletions } from './lm-eval/modes.ts'
import { lmEval } from './lm-eval/run-lm-eval.ts'
import { writeCheckpoint } from './support/checkpoint.ts'
import { needing } from './support/python.ts'
import { answeredRequests } from './support/refused-requests.ts'

/** Long prompts, so that the queue is never empty: each request is several seconds of work. */
const PROMPTS_A_BODY = 16
const TOKENS = 400
const CONNECTIONS = 4
const TASKS = ['logpr_last_word']

/** A client that always has requests in the queue, until `stop`. It counts responses by status. */
function saturate(service: RunningService): { readonly waiting: () => number; stop(): Promise<ReadonlyMap<number, number>> } {
  const statuses = new Map<number, number>()
  let waiting = 0
  let isStopped = false
  const connection = async (seed: number): Promise<void> => {
    for (let round = 0; !isStopped; round++) {
      const prompt = Array.from({ length: PROMPTS_A_BODY }, (_, i) =>
        Array.from({ length: TOKENS }, (_, k) => 5 + ((seed * 977 + round * 131 + i * 31 + k * k) % 4000))
      )
      waiting++
      const { status } = await service.post('/v1/completions', { prompt, max_tokens: 0, echo: true, logprobs: 1 })
      waiting--
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status !== 200) await pause(500)
    }
  }
  const connections = Array.from({ length: CONNECTIONS }, (_, seed) => connection(seed))
  return {
    waiting: () => waiting,
    async stop() {
      isStopped = true
      await Promise.all(connections)
      return statuses
    }
  }
}

test(
  'lm-eval with 32 requests at a time finishes without a failed one while another client saturates the service',
  needing('lm_eval', 'torch', 'onnx'),
  async (t) => {
    const service = await startService()
    t.after(() => service.stop())
    const checkpoint = mkdtempSync(join(tmpdir(), 'logpr-checkpoint-'))
    t.after(() => rmSync(checkpoint, { recursive: true, force: true }))
    await writeCheckpoint(checkpoint)
    const request = {
      ...localCompletions({ prompt: 'ids', batchSize: 1, concurrent: 32, tokenizer: 'huggingface' }).request(service.url, checkpoint),
      tasks: TASKS
    }
    const alone = await lmEval(request)

    const other = saturate(service)
    const loaded = await lmEval(request)
    assert.equal(other.waiting(), CONNECTIONS, 'the other client had work waiting to the end')
    const statuses = await other.stop()
    const refused = [...statuses].reduce((sum, [status, count]) => sum + (status === 200 ? 0 : count), 0)
    const { failed } = await answeredRequests(service)

    const { maxDifference, greedyMismatches, unmatched, samples } = compare(alone, loaded)
    t.diagnostic(
      `${samples} samples in ${Math.round(loaded.wallMs / 1000)} s instead of ${Math.round(alone.wallMs / 1000)} s; the other client's answers: ${JSON.stringify([...statuses])}`
    )
    assert.deepEqual(
      { greedyMismatches, unmatched, retries: loaded.retries, failed: failed - refused },
      { greedyMismatches: 0, unmatched: 0, retries: 0, failed: 0 }
    )
    assert.ok(maxDifference < 1e-3, `${maxDifference} nats`)
    assert.ok((statuses.get(200) ?? 0) > 0)
  }
)
