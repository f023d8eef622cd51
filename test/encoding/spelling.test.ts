import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMisplaced, partText, type SpelledPart } from '../../src/encoding/spelling.ts'

const EXACT = { match: 'exact' }
const differentAt = (atByte: number): object => ({ match: 'different', atByte })

function part(spelled: string, sent: string, { normalized = sent, mayAddSpace = false, dropped = '' } = {}): SpelledPart {
  return { dropped: Buffer.from(dropped), scored: Buffer.from(spelled), text: { sent, normalized }, spellsControls: false, mayAddSpace }
}

describe('partText', () => {
  const CASES: readonly [string, SpelledPart, object, object, string | null, number][] = [
    ['tokens that spell the text', part('aé', 'aé'), EXACT, EXACT, 'aé', 0],
    ['a text that the normalizer changed', part('ab', 'aB', { normalized: 'ab' }), EXACT, differentAt(1), null, 0],
    ['a character without a token', part('ac', 'abc'), differentAt(1), EXACT, null, 0],
    ['both', part('a', 'AB', { normalized: 'ab' }), differentAt(1), differentAt(0), null, 0],
    ['tokens that spell more', part('abc', 'ab'), differentAt(2), EXACT, null, 0],
    ['a space in front that decoding takes away', part(' a', 'a', { mayAddSpace: true }), EXACT, EXACT, 'a', -1],
    ['such a space that the normalizer put there', part(' a', 'a', { normalized: ' a', mayAddSpace: true }), EXACT, EXACT, 'a', -1],
    ['a space that the text has itself', part(' a', ' a', { mayAddSpace: true }), EXACT, EXACT, ' a', 0],
    ['a space in front where none may be', part(' a', 'a'), differentAt(0), EXACT, null, 0],
    ['two spaces in front', part('  a', 'a', { mayAddSpace: true }), differentAt(0), EXACT, null, 0],
    ['the tokens behind those that were left out', part('c', 'abc', { dropped: 'ab' }), EXACT, EXACT, 'abc', 2],
    ['such tokens, behind a space in front', part('c', 'abc', { dropped: ' ab', mayAddSpace: true }), EXACT, EXACT, 'abc', 2],
    ['tokens that are not the end of the text', part('bc', 'abc', { dropped: 'ab' }), differentAt(2), EXACT, null, 0]
  ]
  for (const [what, spelled, spelling, normalization, bytes, start] of CASES) {
    it(`compares ${what}`, () => {
      const found = partText(spelled)
      assert.deepEqual([found.spelling, found.normalization, found.bytes?.toString() ?? null], [spelling, normalization, bytes])
      if (bytes !== null) assert.equal(found.start, start)
    })
  }

  it('takes what ids spell for the text', () => {
    const found = partText({ ...part('b', '', { dropped: 'a' }), text: null })
    assert.deepEqual([found.spelling.match, found.normalization.match, found.bytes?.toString(), found.start], ['unknown', 'unknown', 'ab', 1])
  })
})

describe('isMisplaced', () => {
  const CASES: readonly [string, SpelledPart, SpelledPart, boolean][] = [
    ['a token of x among those of y', part('a', 'ab'), part('bc', 'c'), true],
    ['a token of y among those of x', part('abc', 'ab'), part('d', 'cd'), true],
    ['a token of x left out too few', part('b', 'abc', { dropped: 'a' }), part('cd', 'd'), true],
    ['parts that are right', part('ab', 'ab'), part('c', 'c'), false],
    ['parts that are wrong together too', part('ab', 'ab'), part('', 'c'), false]
  ]
  for (const [what, x, y, expected] of CASES) {
    it(`is ${expected} for ${what}`, () => assert.equal(isMisplaced({ x, y }, { x: partText(x), y: partText(y) }), expected))
  }

  it('is false where there is no text', () => {
    const ids = { ...part('a', ''), text: null }
    const y = part('bc', 'c')
    assert.equal(isMisplaced({ x: ids, y }, { x: partText(ids), y: partText(y) }), false)
  })
})
