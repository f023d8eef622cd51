import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isSliceOver, mapInSlices, nextSlice } from '../src/event-loop.ts'

function compute(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

describe('slices of the event loop', () => {
  test('are over after some milliseconds, and begin anew in the next turn', async () => {
    assert.equal(isSliceOver(), false)
    compute(20)
    assert.equal(isSliceOver(), true)
    await nextSlice()
    assert.equal(isSliceOver(), false)
  })

  test('map a list in order', async () => {
    assert.deepEqual(await mapInSlices(['a', 'b'], (item, i) => `${item}${i}`), ['a0', 'b1'])
    await assert.rejects(
      mapInSlices([1], () => {
        throw new Error('of the item')
      }),
      /of the item/
    )
  })

  test('let the event loop turn between two of them, however many pieces of work wait', async () => {
    const longestMs = await longestTurnMs(() =>
      Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let step = 0; step < 20; step++) {
            compute(2)
            if (isSliceOver()) await nextSlice()
          }
        })
      )
    )
    // Without turns, the eight would block for 320 ms in a row.
    assert.ok(longestMs < 160, `${longestMs} ms`)
  })

  test('take turns: short work ends before long work that began first', async () => {
    const ended: string[] = []
    const work = async (name: string, steps: number): Promise<void> => {
      for (let step = 0; step < steps; step++) {
        compute(6)
        if (isSliceOver()) await nextSlice()
      }
      ended.push(name)
    }
    await Promise.all([work('long', 30), work('short', 2)])
    assert.deepEqual(ended, ['short', 'long'])
  })

  test('run small pieces together in one turn', async () => {
    let turns = 0
    const count = (): void => {
      turns++
      turning = setImmediate(count)
    }
    let turning = setImmediate(count)
    await Promise.all(Array.from({ length: 1000 }, () => nextSlice()))
    clearImmediate(turning)
    assert.ok(turns < 100, `${turns} turns`)
  })
})

/** The longest time between two turns of the event loop while `work` runs. */
async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const look = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    looking = setImmediate(look)
  }
  let looking = setImmediate(look)
  await work()
  clearImmediate(looking)
  return longest
}
