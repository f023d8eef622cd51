import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { elementAt, entryOf } from '../src/element-at.ts'

describe('elementAt', () => {
  it('gives what stands there, null and 0 included', () => {
    assert.deepEqual([elementAt([null, 3], 0), elementAt(Float32Array.of(1, 0), 1)], [null, 0])
  })

  for (const index of [-1, 2, 0.5, Number.NaN])
    it(`throws for index ${index} of two, naming both`, () => {
      assert.throws(() => elementAt([1, 2], index), { name: 'RangeError', message: `nothing stands at index ${index} of a list of 2: report it` })
    })
})

describe('entryOf', () => {
  it('gives the value of a key, and throws without naming one that is missing', () => {
    const map = new Map([['a', 0]])
    assert.equal(entryOf(map, 'a'), 0)
    assert.throws(
      () => entryOf(map, 'a secret'),
      (error: Error) => error instanceof RangeError && !error.message.includes('secret')
    )
  })
})
