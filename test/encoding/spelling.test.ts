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
    ['a character that no token spells', part('ac', 'abc'), differentAt(1), EXACT, null, 0],
    ['a changed text with a missing character', part('a', 'AB', { normalized: 'ab' }), differentAt(1), differentAt(0), null, 0],
    ['tokens that spell more than the text', part('abc', 'ab'), differentAt(2), EXACT, null, 0],
    ['a leading space that the tokenizer added', part(' a', 'a', { mayAddSpace: true }), EXACT, EXACT, 'a', -1],
    ['a leading space that the normalizer added', part(' a', 'a', { normalized: ' a', mayAddSpace: true }), EXACT, EXACT, 'a', -1],
    ['a leading space of the text itself', part(' a', ' a', { mayAddSpace: true }), EXACT, EXACT, ' a', 0],
    ['a leading space that the tokenizer does not add', part(' a', 'a'), differentAt(0), EXACT, null, 0],
    ['two leading spaces', part('  a', 'a', { mayAddSpace: true }), differentAt(0), EXACT, null, 0],
    ['tokens after dropped ones', part('c', 'abc', { dropped: 'ab' }), EXACT, EXACT, 'abc', 2],
    ['tokens after dropped ones with a leading space', part('c', 'abc', { dropped: ' ab', mayAddSpace: true }), EXACT, EXACT, 'abc', 2],
    ['tokens after dropped ones that are not the end of the text', part('bc', 'abc', { dropped: 'ab' }), differentAt(2), EXACT, null, 0]
  ]
  for (const [what, spelled, spelling, normalization, bytes, start] of CASES) {
    it(`compares ${what}`, () => {
      const compared = partText(spelled)
      assert.deepEqual([compared.spelling, compared.normalization, compared.bytes?.toString() ?? null], [spelling, normalization, bytes])
      if (bytes !== null) assert.equal(compared.start, start)
    })
  }

  it('uses the bytes of ids as their text', () => {
    const compared = partText({ ...part('b', '', { dropped: 'a' }), text: null })
    assert.deepEqual([compared.spelling.match, compared.normalization.match, compared.bytes?.toString(), compared.start], ['unknown', 'unknown', 'ab', 1])
  })
})

describe('isMisplaced', () => {
  const CASES: readonly [string, SpelledPart, SpelledPart, boolean][] = [
    ['a token of x counted in y', part('a', 'ab'), part('bc', 'c'), true],
    ['a token of y counted in x', part('abc', 'ab'), part('d', 'cd'), true],
    ['a dropped token that x should have', part('b', 'abc', { dropped: 'a' }), part('cd', 'd'), true],
    ['parts that spell their texts', part('ab', 'ab'), part('c', 'c'), false],
    ['parts that do not spell x+y either', part('ab', 'ab'), part('', 'c'), false]
  ]
  for (const [what, x, y, expected] of CASES) {
    it(`is ${expected} for ${what}`, () => assert.equal(isMisplaced({ x, y }, { x: partText(x), y: partText(y) }), expected))
  }

  it('is false for token ids', () => {
    const ids = { ...part('a', ''), text: null }
    const y = part('bc', 'c')
    assert.equal(isMisplaced({ x: ids, y }, { x: partText(ids), y: partText(y) }), false)
  })
})
