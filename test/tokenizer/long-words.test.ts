import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type BytePairModel, LongWords, mergeLongWords } from '../../src/tokenizer/long-words.ts'
import { PretrainedTokenizer, readTokenizerFiles } from '../../src/tokenizer/pretrained-tokenizer.ts'
import { present } from '../support/present.ts'

const { json, config } = await readTokenizerFiles(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'))
const libraryModel = (): BytePairModel => new PretrainedTokenizer(json, config).library.model as unknown as BytePairModel

describe('the merges of long words', () => {
  test('are those of the library, for words of every length', () => {
    const model = libraryModel()
    const own = new LongWords(present(model.merges))
    const alphabet = fc.constantFrom(...'aabcdeeghilmnnoprsttuwyĠĠ.,ÃÂ©ĊĊ0011', '\u{1F600}', 'ing', 'the', 'tion')
    fc.assert(
      fc.property(fc.string({ unit: alphabet, minLength: 1, maxLength: 300 }), (word) => {
        assert.deepEqual(own.merged(word), present(model.bpe).call(model, word))
      }),
      { numRuns: 500 }
    )
    for (const word of ['a'.repeat(5000), 'Ġ'.repeat(5000), 'abcdefghij'.repeat(500), 'Ċ'.repeat(777)])
      assert.deepEqual(own.merged(word), present(model.bpe).call(model, word))
  })

  test('replace those of the library above 256 units alone', () => {
    const model = libraryModel()
    const library = present(model.bpe)
    const words: string[] = []
    model.bpe = (word) => {
      words.push(word)
      return library.call(model, word)
    }
    mergeLongWords(model)
    assert.deepEqual(present(model.bpe)('x'.repeat(255)), library.call(model, 'x'.repeat(255)))
    assert.deepEqual(present(model.bpe)('x'.repeat(256)), library.call(model, 'x'.repeat(256)))
    assert.deepEqual(words, ['x'.repeat(255)])
  })

  test('leave models with suffixes, and other models than BPE, as they are', () => {
    const bpe = (): string[] => []
    for (const model of [{ bpe, merges: [], bpe_ranks: new Map(), end_of_word_suffix: '</w>' }, { bpe }, {}] as BytePairModel[]) {
      const before = model.bpe
      mergeLongWords(model)
      assert.equal(model.bpe, before)
    }
  })
})
