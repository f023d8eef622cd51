import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { codePointIndices } from '../../src/completions/spelling.ts'

describe('codePointIndices', () => {
  test('counts code points, not UTF-16 units and not bytes', () => {
    assert.deepEqual([...codePointIndices(Buffer.from('a👍é'))], [0, 1, 1, 1, 1, 2, 2, 3])
  })

  test('decodes any bytes to as many characters as Node does, and each character to its bytes', () => {
    const lead = fc.constantFrom(0x41, 0x80, 0xbf, 0xc0, 0xc2, 0xc3, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff)
    const bytes = fc.array(fc.oneof(fc.integer({ min: 0, max: 255 }), lead, fc.integer({ min: 0x80, max: 0xbf })), { maxLength: 12 })
    fc.assert(
      fc.property(bytes, (values) => {
        const all = Buffer.from(values)
        const indices = codePointIndices(all)
        const characters = [...all.toString('utf8')]
        assert.equal(indices.at(-1), characters.length)
        characters.forEach((character, i) => {
          assert.equal(all.subarray(indices.indexOf(i), indices.indexOf(i + 1)).toString('utf8'), character)
        })
      }),
      { numRuns: 2000 }
    )
  })
})
