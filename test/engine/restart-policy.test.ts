import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restartDelayMs } from '../../src/engine/restart-policy.ts'

test('a process that had been ready is replaced at once; failed starts wait longer each time, to a limit', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 20].map(restartDelayMs), [0, 200, 400, 800, 1600, 10_000])
})
