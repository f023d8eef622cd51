import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { BytePairEncoder, type BytePairJson, isPlainBytePair } from '../../src/tokenizer/byte-pair-encoder.ts'
import type { ModelParts } from '../../src/tokenizer/library-internals.ts'
import { byteLevelWithOddMerges, sentencePiece, type TokenizerFiles } from '../support/tokenizers.ts'

interface Model extends BytePairJson {
  readonly vocab: Readonly<Record<string, number>>
}

/** Ids of a word by the package and by `BytePairEncoder`. */
function both({ tokenizer, config }: TokenizerFiles): { readonly theirs: (word: string) => number[]; readonly ours: (word: string) => number[] } {
  const library = new Tokenizer(tokenizer, config).model as unknown as ModelParts
  const model = tokenizer.model as Model
  const encoder = new BytePairEncoder(new Map(Object.entries(model.vocab)), model)
  return {
    theirs: (word) => library([word]).map((spelling) => library.tokens_to_ids.get(spelling) ?? (library.unk_token_id as number)),
    ours: (word) => encoder.ids([word])
  }
}

describe('BytePairEncoder', () => {
  // The package keeps symbols apart between which it drops an unknown one; every byte is a token.
  const families = [
    { name: 'byte-level', files: byteLevelWithOddMerges(), rare: '¢' },
    { name: 'byte fallback', files: sentencePiece('none'), rare: '\u{1F600}' }
  ]
  for (const { name, files, rare } of families)
    test(`gives the ids of the package for words of every length: ${name}`, () => {
      const { theirs, ours } = both(files)
      const alphabet = fc.constantFrom(...'aabcdeeghilmnnoprsttuwyĠĠ.,ÃÂ©ĊĊ0011', rare, 'ing', 'the', 'tion', 'hello')
      fc.assert(
        fc.property(fc.string({ unit: alphabet, minLength: 1, maxLength: 300 }), (word) => {
          // The second time the word is known.
          for (let i = 0; i < 2; i++) assert.deepEqual(ours(word), theirs(word))
        }),
        { numRuns: 500 }
      )
      for (const word of ['a'.repeat(5000), 'Ġ'.repeat(5000), 'abcdefghij'.repeat(500), 'Ċ'.repeat(777), rare.repeat(300)])
        assert.deepEqual(ours(word), theirs(word))
    })

  const vocab = { a: 0, b: 1, ab: 2, '?': 3 }
  const idsOf = (model: BytePairJson, word: string): number[] =>
    new BytePairEncoder(new Map(Object.entries(vocab)), { merges: [['a', 'b']], unk_token: '?', ...model }).ids([word])

  test('reads merges in both spellings', () => {
    assert.deepEqual(idsOf({ merges: ['a b'] }, 'abba'), [2, 1, 0])
    assert.deepEqual(idsOf({ merges: [['a', 'b']] }, 'abba'), [2, 1, 0])
  })

  test('fuses unknown characters only if the model does, and never across words', () => {
    assert.deepEqual(idsOf({ fuse_unk: true }, 'axyb'), [0, 3, 1])
    assert.deepEqual(idsOf({ fuse_unk: false }, 'axyb'), [0, 3, 3, 1])
    assert.deepEqual(new BytePairEncoder(new Map(Object.entries(vocab)), { merges: [], unk_token: '?', fuse_unk: true }).ids(['x', 'y']), [3, 3])
  })

  test('takes a word that is a token whole, if the model ignores merges', () => {
    assert.deepEqual(idsOf({ merges: [], ignore_merges: true }, 'ab'), [2])
    assert.deepEqual(idsOf({ merges: [] }, 'ab'), [0, 1])
  })

  test('merges across a character that is neither known nor replaced, as the library in Rust does', () =>
    assert.deepEqual(idsOf({ unk_token: null }, 'a\u{1F600}b'), [2]))

  test('leaves out merges whose parts or result are no tokens', () =>
    assert.deepEqual(
      idsOf(
        {
          merges: [
            ['a', 'b'],
            ['ab', 'a']
          ]
        },
        'aba'
      ),
      [2, 0]
    ))

  test('is not for models with suffixes or prefixes inside words, and not for other models', () => {
    assert.equal(isPlainBytePair({ merges: [] }), true)
    assert.equal(isPlainBytePair({ merges: [], continuing_subword_prefix: '' }), true)
    for (const model of [{}, { merges: [], end_of_word_suffix: '</w>' }, { merges: [], continuing_subword_prefix: '##' }])
      assert.equal(isPlainBytePair(model), false)
  })
})
