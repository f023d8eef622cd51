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
    const turns = await turnsDuring(() =>
      Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let step = 0; step < 20; step++) {
            compute(2)
            if (isSliceOver()) await nextSlice()
          }
        })
      )
    )
    // 320 ms of work in slices of some 6 ms.
    assert.ok(turns >= 20, `${turns} turns`)
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
    const turns = await turnsDuring(() => Promise.all(Array.from({ length: 1000 }, () => nextSlice())))
    assert.ok(turns < 500, `${turns} turns`)
  })
})

/** How often the event loop turns while `work` runs. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  const count = (): void => {
    turns++
    counting = setImmediate(count)
  }
  let counting = setImmediate(count)
  await work()
  clearImmediate(counting)
  return turns
}
