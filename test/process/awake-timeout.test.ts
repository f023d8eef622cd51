import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { AwakeTimeout } from '../../src/process/awake-timeout.ts'

/** A timeout of 800 ms under a clock that the test moves. */
function started(t: TestContext): { readonly timeout: AwakeTimeout; readonly fired: () => number } {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let fired = 0
  const timeout = new AwakeTimeout(800, () => fired++)
  return { timeout, fired: () => fired }
}

describe('AwakeTimeout', () => {
  it('fires once, when its time has passed', (t) => {
    const { fired } = started(t)
    t.mock.timers.tick(799)
    assert.equal(fired(), 0)
    t.mock.timers.tick(1)
    assert.equal(fired(), 1)
    t.mock.timers.tick(5000)
    assert.equal(fired(), 1)
  })

  it('has its full time again after it was postponed, and never fires once it is cleared', (t) => {
    const { timeout, fired } = started(t)
    t.mock.timers.tick(700)
    timeout.postpone()
    t.mock.timers.tick(799)
    assert.equal(fired(), 0)
    timeout.clear()
    t.mock.timers.tick(5000)
    assert.equal(fired(), 0)
  })

  it('leaves out the time in which this process is blocked', async () => {
    let fired = 0
    const timeout = new AwakeTimeout(400, () => fired++)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
    // The late tick comes first; an ordinary timeout would fire here.
    await new Promise((resolve) => setTimeout(resolve, 1))
    await new Promise(setImmediate)
    assert.equal(fired, 0)
    timeout.clear()
  })
})
