import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { selfTestIds, tokenizerKnownAnswer } from '../../src/tokenizer/self-test-texts.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'

/** One token per word, with its length + 2 as id; at most `words` tokens. */
class WordTokenizer extends FakeTokenizer {
  readonly #words: number

  constructor(words = Number.POSITIVE_INFINITY) {
    super()
    this.#words = words
  }

  override async encode(texts: readonly string[]): Promise<Int32Array[]> {
    return texts.map((text) => Int32Array.from(text.split(' ').slice(0, this.#words), (word) => 2 + word.length))
  }
}

const tokenizer: Tokenizer = new WordTokenizer()

describe('selfTestIds', () => {
  it('returns a paragraph of English and its words in reverse order, each after the prefix token', async () => {
    const { natural, reversed, textVocabSize } = await selfTestIds(tokenizer, 0, 100)
    assert.deepEqual([natural[0], reversed[0], textVocabSize], [0, 0, 14])
    assert.deepEqual(reversed.slice(1), natural.slice(1).reverse())
    // Each half has enough tokens for the checks that need 16.
    assert.ok(natural.length >= 32)
  })

  it('returns no prefix token if the model has none', async () => {
    const [after, without] = [await selfTestIds(tokenizer, 0, 100), await selfTestIds(tokenizer, null, 100)]
    assert.deepEqual(without.natural, after.natural.slice(1))
  })

  it('truncates to the context and to 64 tokens', async () => {
    const { natural, reversed } = await selfTestIds(tokenizer, 0, 20)
    assert.deepEqual([natural.length, reversed.length], [20, 20])
    const bytes: Tokenizer = Object.assign(new FakeTokenizer(), { encode: async (texts: readonly string[]) => texts.map(() => new Int32Array(500).fill(3)) })
    assert.equal((await selfTestIds(bytes, 0, 1000)).natural.length, 64)
  })

  it('rejects a tokenizer that returns fewer than 4 tokens', async () => {
    assert.equal((await selfTestIds(new WordTokenizer(3), 0, 100)).natural.length, 4)
    await assert.rejects(selfTestIds(new WordTokenizer(2), 0, 100), { code: 'model_invalid', message: /a paragraph of English as 3 tokens/ })
    await assert.rejects(selfTestIds(tokenizer, 0, 3), { code: 'model_invalid' })
  })
})

describe('the tokenizer_known_answer check', () => {
  const fake = new FakeTokenizer()
  const KNOWN = [
    { text: 'a b', ids: [0, 3, 2, 4] },
    { text: 'c</s>', ids: [0, 5, 1] }
  ]

  it('is pass for the stored ids, also of control tokens', async () => {
    const { id, status, value, tolerance, independent } = await tokenizerKnownAnswer(fake, KNOWN)
    assert.deepEqual([id, status, value, tolerance, independent], ['tokenizer_known_answer', 'pass', 0, 0, true])
  })

  const OTHERS: readonly [string, readonly number[]][] = [
    ['another id', [0, 3, 2, 5]],
    ['one id more', [0, 3, 2, 4, 4]],
    ['one id fewer', [0, 3, 2]]
  ]
  for (const [what, ids] of OTHERS) {
    it(`is fail for ${what} in one of the texts`, async () => {
      const { status, value, message } = await tokenizerKnownAnswer(fake, [{ text: 'a b', ids }, KNOWN[1]!])
      assert.deepEqual([status, value], ['fail', 1])
      assert.match(message, /1 of 2 texts.*the tokenizer belongs to another model/)
    })
  }

  it('is skipped if no ids are stored', async () => {
    const { status, value } = await tokenizerKnownAnswer(fake, [])
    assert.deepEqual([status, value], ['skipped', null])
  })
})
