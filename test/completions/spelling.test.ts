import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { codePointIndices, spelledPrompt, spelledToken, tokenString } from '../../src/completions/spelling.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'

const tokenizer = new FakeTokenizer()
const [BEGIN, SPACE, A, B, SPACE_A, FIRST_HALF, SECOND_HALF] = [0, 2, 3, 4, 8, 9, 10] as const
const promptOf = (ids: readonly number[], addedBefore = 0, addedAfter = 0) => ({ ids: Int32Array.from(ids), addedBefore, addedAfter })

describe('spelledPrompt', () => {
  test('gives a token with part of a character the offset of that character', () => {
    const { text, offsets } = spelledPrompt(promptOf([A, FIRST_HALF, SECOND_HALF, B]), null, tokenizer)
    assert.equal(text, 'aéb')
    assert.deepEqual(offsets, [0, 1, 1, 2])
  })

  test('counts a generated token that ends inside a character', () => {
    assert.deepEqual(spelledPrompt(promptOf([A]), FIRST_HALF, tokenizer), { text: 'a\ufffd', offsets: [0, 1] })
    assert.deepEqual(spelledPrompt(promptOf([FIRST_HALF]), SECOND_HALF, tokenizer), { text: 'é', offsets: [0, 0] })
  })

  test('spells control tokens of the prompt, and generated ones', () => {
    assert.deepEqual(spelledPrompt(promptOf([BEGIN, A]), 1, tokenizer), { text: '<s>a</s>', offsets: [0, 3, 4] })
  })

  test('excludes the tokens of the post-processor, so that offsets refer to the text that was sent', () => {
    assert.deepEqual(spelledPrompt(promptOf([BEGIN, A, B, 1], 1, 1), A, tokenizer), { text: 'aba', offsets: [0, 0, 1, 2, 2] })
  })

  test('excludes the leading space that a SentencePiece tokenizer adds', () => {
    const sentencePiece = new FakeTokenizer({ facts: { dropsLeadingSpace: true } })
    assert.deepEqual(spelledPrompt(promptOf([BEGIN, SPACE_A, SPACE, B], 1), null, sentencePiece), { text: 'a b', offsets: [0, 0, 1, 2] })
    assert.equal(spelledPrompt(promptOf([SPACE_A]), null, tokenizer).text, ' a')
  })
})

describe('spelledToken', () => {
  test('keeps a leading space and starts at offset 0', () => assert.deepEqual(spelledToken(SPACE_A, tokenizer), { text: ' a', offsets: [0] }))
})

describe('tokenString', () => {
  test('shows an incomplete character as U+FFFD', () => assert.equal(tokenString(tokenizer, FIRST_HALF, false), '\ufffd'))
  test('names a token by its id on request', () => assert.equal(tokenString(tokenizer, FIRST_HALF, true), 'token_id:9'))
  test('is empty for an id without a token', () => assert.equal(tokenString(tokenizer, 99, false), ''))
})

describe('codePointIndices', () => {
  test('counts code points, not UTF-16 units and not bytes', () => {
    assert.deepEqual([...codePointIndices(Buffer.from('a👍é'))], [0, 1, 1, 1, 1, 2, 2, 3])
  })

  test('property: matches the decoder of Node for any bytes', () => {
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
