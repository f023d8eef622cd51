import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { elementAt, entryOf } from '../src/element-at.ts'

describe('elementAt', () => {
  it('returns the element, including null and 0', () => {
    assert.deepEqual([elementAt([null, 3], 0), elementAt(Float32Array.of(1, 0), 1)], [null, 0])
  })

  for (const index of [-1, 2, 0.5, Number.NaN])
    it(`throws for index ${index} of a list of 2, with both numbers`, () => {
      assert.throws(() => elementAt([1, 2], index), {
        name: 'RangeError',
        message: `no element at index ${index} of a list of 2; this is a bug of logpr, please report it`
      })
    })
})

describe('entryOf', () => {
  it('returns the value of a key, and throws for a missing key without showing it', () => {
    const map = new Map([['a', 0]])
    assert.equal(entryOf(map, 'a'), 0)
    assert.throws(
      () => entryOf(map, 'a secret'),
      (error: Error) => error instanceof RangeError && !error.message.includes('secret')
    )
  })
})
