import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TextMeasure, wordsOf } from '../../src/perplexity/text-measure.ts'

/** Python 3: text, len(re.split(r"\s+", text)), text.split(). */
const WORDS: readonly (readonly [text: string, words: number, split: readonly string[]])[] = [
  ['', 1, []],
  [' ', 2, []],
  ['one two', 2, ['one', 'two']],
  ['  one\t\n two  ', 4, ['one', 'two']],
  ['a\u0085b\u001cc\u00a0d\u2028e\u3000f', 6, ['a', 'b', 'c', 'd', 'e', 'f']],
  ['a\ufeffb\u200bc\u180ed', 1, ['a\ufeffb\u200bc\u180ed']]
]

describe('TextMeasure', () => {
  for (const [text, words, split] of WORDS)
    test(`counts the words of ${JSON.stringify(text)} as Python, in one piece and in many`, () => {
      for (const pieces of [[text], [...text], ['', ...text, '']]) {
        const measure = new TextMeasure()
        for (const piece of pieces) measure.add(piece)
        assert.deepEqual(measure.lengths, { words, chars: [...text].length, bytes: Buffer.byteLength(text) })
      }
      assert.deepEqual(wordsOf(text), split)
    })

  test('counts code points beyond 16 bits once', () => {
    const measure = new TextMeasure()
    measure.add('😀a😀')
    assert.deepEqual(measure.lengths, { words: 1, chars: 3, bytes: 9 })
  })
})
