import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { AwakeTimeout } from '../../src/process/awake-timeout.ts'

/** Blocks this thread, and with it its timers. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

describe('AwakeTimeout', () => {
  it('fires once, not before its time', async () => {
    const startedAtMs = performance.now()
    const firedAtMs: number[] = []
    new AwakeTimeout(80, () => firedAtMs.push(performance.now() - startedAtMs))
    await pause(400)
    assert.equal(firedAtMs.length, 1)
    assert.ok(firedAtMs.every((ms) => ms >= 79))
  })

  it('does not fire while it is postponed, and never once it is cleared', async () => {
    let fired = 0
    const timeout = new AwakeTimeout(80, () => fired++)
    for (let i = 0; i < 40; i++, await pause(5)) timeout.postpone()
    timeout.clear()
    await pause(200)
    assert.equal(fired, 0)
  })

  it('leaves out the time in which this process is blocked, once or several times', async () => {
    let fired = 0
    const timeout = new AwakeTimeout(400, () => fired++)
    for (let stall = 0; stall < 3; stall++) {
      block(600)
      await pause(1)
    }
    assert.equal(fired, 0)
    timeout.clear()
  })
})
