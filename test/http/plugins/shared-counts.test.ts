import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { withoutFailures } from '../../../src/http/plugins/shared-counts.ts'

/** A store that answers or fails as told, and what became of the requests. */
function shared() {
  const state = { isDown: false, asked: 0, uncounted: 0, nowMs: 0, log: [] as string[] }
  const count = async (request: number): Promise<number> => {
    state.asked++
    if (state.isDown) throw new Error('no answer')
    return request
  }
  const write = (_: object, message: string): void => void state.log.push(message)
  const observer = { log: { error: write, info: write }, uncounted: () => state.uncounted++ }
  return { state, counted: withoutFailures(count, observer as unknown as Parameters<typeof withoutFailures>[1], () => state.nowMs) }
}

describe('withoutFailures', () => {
  test('returns what the store counts', async () => {
    const { state, counted } = shared()
    assert.deepEqual([await counted(7), state.uncounted, state.log], [7, 0, []])
  })

  test('lets requests in while the store fails, and asks it once per second', async () => {
    const { state, counted } = shared()
    state.isDown = true
    for (let i = 0; i < 4; i++) assert.equal(await counted(i), null)
    assert.deepEqual([state.asked, state.uncounted], [1, 4])
    state.nowMs = 1000
    const both = [counted(5), counted(6)]
    assert.deepEqual(await Promise.all(both), [null, null])
    assert.deepEqual([state.asked, state.uncounted], [2, 6])
    assert.equal(state.log.length, 1)
  })

  test('counts again after the store has recovered, and logs both once', async () => {
    const { state, counted } = shared()
    state.isDown = true
    await counted(1)
    state.isDown = false
    assert.equal(await counted(2), null)
    state.nowMs = 1000
    assert.deepEqual([await counted(3), await counted(4)], [3, 4])
    assert.deepEqual(state.log, ['Redis did not count a request, requests are not limited', 'requests are counted again'])
  })
})
