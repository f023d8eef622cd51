import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { spelledPrompt, spelledToken, tokenString } from '../../src/completions/spelling.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'

const tokenizer = new FakeTokenizer()
const [BEGIN, SPACE, A, B, SPACE_A, FIRST_HALF, SECOND_HALF] = [0, 2, 3, 4, 8, 9, 10] as const
const promptOf = (ids: readonly number[], addedBefore = 0, addedAfter = 0) => ({ ids: Int32Array.from(ids), addedBefore, addedAfter })

describe('spelledPrompt', () => {
  test('gives a token that holds a part of a character the place of that character', () => {
    const { text, offsets } = spelledPrompt(promptOf([A, FIRST_HALF, SECOND_HALF, B]), null, tokenizer)
    assert.equal(text, 'aéb')
    assert.deepEqual(offsets, [0, 1, 1, 2])
  })

  test('counts a generated token that breaks a character off', () => {
    assert.deepEqual(spelledPrompt(promptOf([A]), FIRST_HALF, tokenizer), { text: 'a\ufffd', offsets: [0, 1] })
    assert.deepEqual(spelledPrompt(promptOf([FIRST_HALF]), SECOND_HALF, tokenizer), { text: 'é', offsets: [0, 0] })
  })

  test('spells control tokens of the prompt, and those that are generated', () => {
    assert.deepEqual(spelledPrompt(promptOf([BEGIN, A]), 1, tokenizer), { text: '<s>a</s>', offsets: [0, 3, 4] })
  })

  test('leaves out of the text what the post-processor added, so that offsets are those of the text that was sent', () => {
    assert.deepEqual(spelledPrompt(promptOf([BEGIN, A, B, 1], 1, 1), A, tokenizer), { text: 'aba', offsets: [0, 0, 1, 2, 2] })
  })

  test('leaves out the space that a SentencePiece tokenizer puts in front of a text', () => {
    const sentencePiece = new FakeTokenizer({ facts: { dropsLeadingSpace: true } })
    assert.deepEqual(spelledPrompt(promptOf([BEGIN, SPACE_A, SPACE, B], 1), null, sentencePiece), { text: 'a b', offsets: [0, 0, 1, 2] })
    assert.equal(spelledPrompt(promptOf([SPACE_A]), null, tokenizer).text, ' a')
  })
})

describe('a generated token by itself', () => {
  test('keeps its space and begins its text', () => assert.deepEqual(spelledToken(SPACE_A, tokenizer), { text: ' a', offsets: [0] }))
})

describe('tokenString', () => {
  test('shows bytes of half a character as U+FFFD', () => assert.equal(tokenString(tokenizer, FIRST_HALF, false), '\ufffd'))
  test('names a token by its id where that is asked for', () => assert.equal(tokenString(tokenizer, FIRST_HALF, true), 'token_id:9'))
  test('is empty for an id without a token', () => assert.equal(tokenString(tokenizer, 99, false), ''))
})
