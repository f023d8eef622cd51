import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restartDelayMs } from '../../src/engine/restart-policy.ts'

test('a process that had been ready is replaced at once; the pause doubles with each failed start, up to 10 s', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 20].map(restartDelayMs), [0, 200, 400, 800, 1600, 10_000])
})
