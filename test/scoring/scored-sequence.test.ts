import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Part, partAt, rangeOf } from '../../src/scoring/scored-sequence.ts'

const PARTS: readonly Part[] = ['prefix', 'x', 'y', 'eos']
const SIZES = { prefix: 1, x: 3, y: 2, eos: 1 }

describe('rangeOf', () => {
  const RANGES: readonly [Part, number, number][] = [
    ['prefix', 0, 1],
    ['x', 1, 4],
    ['y', 4, 6],
    ['eos', 6, 7]
  ]
  for (const [part, start, end] of RANGES) it(`puts ${part} from ${start} to ${end}`, () => assert.deepEqual(rangeOf(SIZES, part), { start, end }))

  it('gives an empty part an empty range where it would stand', () => {
    assert.deepEqual(rangeOf({ prefix: 0, x: 2, y: 0, eos: 1 }, 'y'), { start: 2, end: 2 })
  })
})

describe('partAt', () => {
  it('names the part of every position', () => {
    assert.deepEqual(
      Array.from({ length: 7 }, (_, position) => partAt(SIZES, position)),
      ['prefix', 'x', 'x', 'x', 'y', 'y', 'eos']
    )
  })

  it('agrees with rangeOf', () => {
    const sizes = fc.record({ prefix: fc.nat(1), x: fc.nat(5), y: fc.nat(5), eos: fc.nat(1) })
    fc.assert(
      fc.property(sizes, (some) => {
        for (const part of PARTS) {
          const { start, end } = rangeOf(some, part)
          for (let position = start; position < end; position++) assert.equal(partAt(some, position), part)
        }
      })
    )
  })
})
