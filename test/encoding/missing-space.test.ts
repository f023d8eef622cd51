import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { missingSpace, wordsAtBoundary } from '../../src/encoding/missing-space.ts'

describe('the words where y meets x', () => {
  test('are the last one of x and the first one of y', () => {
    assert.deepEqual(wordsAtBoundary('The cat sat on the', 'mat.'), { glued: ' themat', spaced: ' the mat' })
    assert.deepEqual(wordsAtBoundary('Москва', 'большая'), { glued: ' Москвабольшая', spaced: ' Москва большая' })
  })

  for (const [name, x, y] of [
    ['a space begins y', 'the', ' mat'],
    ['x ends in white space', 'the ', 'mat'],
    ['x ends in a line break', 'the\n', 'mat'],
    ['punctuation ends x', 'Yes:', 'no'],
    ['punctuation begins y', 'the mat', '. Then'],
    ['digits meet a letter', 'item 4', 'th'],
    ['x is empty', '', 'mat'],
    ['x is Chinese', '我们在大学', '里学习'],
    ['x is Japanese', 'テキストを', '評価する'],
    ['x is Korean, whose particles join', '서울', '은'],
    ['x is Thai', 'ภาษา', 'ไทย'],
    ['x is code', 'value = self.get', 'name = 1'],
    ['y is code', 'def get', 'Name(self):'],
    ['x is a link', 'see https://example', 'com'],
    ['a run of letters is no word', 'a'.repeat(500), 'b']
  ] as const)
    test(`are none where ${name}`, () => assert.equal(wordsAtBoundary(x, y), null))

  test('take no longer for long texts', () => {
    assert.deepEqual(wordsAtBoundary(`${'word '.repeat(200_000)}the`, `mat ${'word '.repeat(200_000)}`), { glued: ' themat', spaced: ' the mat' })
  })
})

describe('the warning missing_space', () => {
  test('is given where two words cost no more tokens than one', () => {
    assert.deepEqual(
      [missingSpace(2, 2), missingSpace(3, 2)].map((warnings) => warnings.map(({ code }) => code)),
      [['missing_space'], ['missing_space']]
    )
  })

  test('is not given where y goes on with a word', () => assert.deepEqual(missingSpace(1, 2), []))
})
