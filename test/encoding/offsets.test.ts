import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { offsetsOf } from '../../src/encoding/offsets.ts'
import { present } from '../support/present.ts'

/** Each token as [byte_start, byte_end, char_start, char_end]. */
function found(text: string | Uint8Array | null, lengths: readonly number[], start = 0): (number | null)[][] {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  return offsetsOf({ bytes, start }, lengths).map((token) => [token.byte_start, token.byte_end, token.char_start, token.char_end])
}
const NONE = [null, null, null, null]

describe('offsetsOf', () => {
  const CASES: readonly [string, (number | null)[][], (number | null)[][]][] = [
    [
      'whole characters',
      found('aéb', [1, 3]),
      [
        [0, 1, 0, 1],
        [1, 4, 1, 3]
      ]
    ],
    [
      'tokens that share a character, with overlapping ranges',
      found('a👍b', [2, 2, 2]),
      [
        [0, 2, 0, 2],
        [2, 4, 1, 2],
        [4, 6, 1, 3]
      ]
    ],
    ['a token that spells nothing', found('ab', [1, 0, 1]), [[0, 1, 0, 1], NONE, [1, 2, 1, 2]]],
    ['a token with an added leading space', found('ab', [2, 1], -1).slice(0, 1), [[0, 1, 0, 1]]],
    ['a token that is only the added space', found('ab', [1, 2], -1), [NONE, [0, 2, 0, 2]]],
    [
      'tokens after dropped ones',
      found('aéb', [2, 1], 1),
      [
        [1, 3, 1, 2],
        [3, 4, 2, 3]
      ]
    ],
    [
      'a first token in the middle of a character',
      found('éb', [1, 1], 1),
      [
        [1, 2, 0, 1],
        [2, 3, 1, 2]
      ]
    ],
    [
      'bytes that are not UTF-8',
      found(Buffer.of(0x61, 0xc3), [1, 1]),
      [
        [0, 1, null, null],
        [1, 2, null, null]
      ]
    ],
    ['tokens that do not spell the text', found(null, [1, 1]), [NONE, NONE]]
  ]
  for (const [what, offsets, expected] of CASES) it(`gives offsets to ${what}`, () => assert.deepEqual(offsets, expected))

  it('property: byte ranges tile the text, and the characters of a token contain its bytes', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 20 })
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), cuts, (text, lengths) => {
        const bytes = Buffer.from(text)
        const rest = bytes.length - lengths.reduce((sum, length) => sum + length, 0)
        fc.pre(rest >= 0)
        let end = 0
        for (const [i, token] of offsetsOf({ bytes, start: 0 }, [...lengths, rest]).entries()) {
          if ((lengths[i] ?? rest) === 0) continue
          assert.equal(token.byte_start, end)
          end = present(token.byte_end)
          assertCharactersContain(text, bytes, token)
        }
        assert.equal(end, bytes.length)
      })
    )
  })
})

function assertCharactersContain(text: string, bytes: Uint8Array, token: ReturnType<typeof offsetsOf>[number]): void {
  const { byte_start: byteStart, byte_end: byteEnd, char_start: charStart, char_end: charEnd } = token
  assert.ok(byteStart !== null && byteEnd !== null && charStart !== null && charEnd !== null)
  const characters = Array.from(text)
  const before = Buffer.byteLength(characters.slice(0, charStart).join(''))
  const held = Buffer.from(characters.slice(charStart, charEnd).join(''))
  assert.deepEqual(held.subarray(byteStart - before, byteEnd - before), Buffer.from(bytes.subarray(byteStart, byteEnd)))
  assert.ok(byteStart - before < Buffer.byteLength(present(characters[charStart])))
}
