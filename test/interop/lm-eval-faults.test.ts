/**
 * The faults of lm-eval that docs/guides/harnesses.md lists: that they are the client's shows in what /v1/logprob says
 * of the same texts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogprobBody } from '../support/logprob-body.ts'
import { startService } from '../support/running-service.ts'
import { needing, pythonJson } from './support/python.ts'

test('lm-eval takes an option without a token of its own for certain, where /v1/logprob says so', needing('lm_eval'), async (t) => {
  const service = await startService()
  t.after(() => service.stop())
  const faults = await pythonJson('lm_eval_faults.py', [service.url])
  const { results } = (await (await service.post('/v1/logprob', { x: 'T', y: 'h', prefix_token: 'none' })).json()) as LogprobBody
  const strict = await service.post('/v1/logprob', { x: 'T', y: 'h', prefix_token: 'none', boundary: 'strict' })

  assert.deepEqual(faults, {
    merged: { 'local-completions': [0, true], gguf: [0, true] },
    'empty context': { 'local-completions': true, gguf: false },
    'alike where the context ends with': { '': true, ' ': false },
    'longer than max_length': 'AssertionError'
  })
  assert.deepEqual([results[0]?.boundary.merged, results[0]?.is_greedy], [true, false])
  assert.equal(((await strict.json()) as { code: string }).code, 'boundary_merged')
})
