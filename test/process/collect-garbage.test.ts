import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { collectGarbage } from '../../src/process/collect-garbage.ts'

test('frees what nothing refers to, and leaves no gc function behind', async () => {
  const weak = (() => new WeakRef({ list: new Array(1000).fill(0) }))()
  // A reference that was just made is held until the current task ends.
  await pause(1)
  assert.notEqual(weak.deref(), undefined)
  await pause(1)
  collectGarbage()
  assert.equal(weak.deref(), undefined)
  assert.equal('gc' in globalThis, false)
})
