import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { beginsWithWhiteSpace, endsWithWhiteSpace } from '../../../src/scoring/words/white-space.ts'
import { type TextToken, tokensOfWords, wordsOf } from '../../../src/scoring/words/word-tokens.ts'

/** The tokens of each word as text, of tokens given as text; `!` marks a word that shares one. */
function spelled(tokens: readonly string[], spans?: readonly (readonly [number, number])[]): (string | null)[] {
  const characters = Array.from(tokens.join(''))
  let at = 0
  const located = tokens.map((token): TextToken => {
    const start = at
    at += Array.from(token).length
    return { range: start === at ? null : { start, end: at }, isAddedSpace: false }
  })
  const words = spans === undefined ? wordsOf(characters) : spans.map(([start, end]) => ({ start, end }))
  return tokensOfWords(characters, words, located).map((own) => own && `${own.isShared ? '!' : ''}${tokens.slice(own.first, own.end).join('|')}`)
}

describe('tokensOfWords', () => {
  test('white space belongs to the word after it', () => {
    assert.deepEqual(spelled(['The', ' old', ' ', ' m', 'an']), ['The', ' old', ' | m|an'])
    assert.deepEqual(spelled([' ', '\n', 'The']), [' |\n|The'])
  })

  test('white space at the end belongs to no word', () => {
    assert.deepEqual(spelled(['The', ' ', ' ']), ['The'])
  })

  test('a token with white space behind a word belongs to that word', () => {
    assert.deepEqual(spelled(['end', '.\n\n', 'The']), ['end|.\n\n', 'The'])
  })

  test('a token of two words belongs to neither alone', () => {
    assert.deepEqual(spelled(['of the', ' old']), ['!of the', '!of the', ' old'])
    assert.deepEqual(spelled([' x', 'y z', 'w']), ['! x|y z', '!y z|w'])
  })

  test('a token without text is skipped between words and counts within one', () => {
    assert.deepEqual(spelled(['The', '', ' ol', '', 'd']), ['The', ' ol||d'])
  })

  test('spans have the tokens that lie in them', () => {
    assert.deepEqual(
      spelled(
        ['The', ' old', ' man'],
        [
          [4, 7],
          [7, 11]
        ]
      ),
      [' old', ' man']
    )
    assert.deepEqual(
      spelled(
        ['ab', 'cd'],
        [
          [0, 1],
          [2, 4]
        ]
      ),
      ['!ab', 'cd']
    )
    assert.deepEqual(
      spelled(
        ['a', ' ', ' b'],
        [
          [0, 2],
          [3, 4]
        ]
      ),
      ['a| ', ' b']
    )
    assert.deepEqual(spelled(['a', ' ', 'b'], [[1, 2]]), [null])
  })
})

describe('white space', () => {
  test('is that of Unicode, in UTF-8', () => {
    for (const space of [' ', '\t', '\n', '\u0085', '\u00a0', '\u1680', '\u2003', '\u3000']) {
      assert.ok(beginsWithWhiteSpace(Buffer.from(`${space}a`)), JSON.stringify(space))
      assert.ok(endsWithWhiteSpace(Buffer.from(`a${space}`)), JSON.stringify(space))
    }
    for (const other of ['a', 'é', '東', '\ufeff', '\u200b', '']) {
      assert.ok(!beginsWithWhiteSpace(Buffer.from(other)), JSON.stringify(other))
      assert.ok(!endsWithWhiteSpace(Buffer.from(other)), JSON.stringify(other))
    }
    assert.ok(!beginsWithWhiteSpace(Buffer.from('\u3000').subarray(0, 2)))
  })
})
