import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tokenizerByLength } from '../../src/tokenizer/thread-tokenizer.ts'
import { FakeTextTokenizer } from '../support/fake-text-tokenizer.ts'

describe('tokenizerByLength', () => {
  const lanes = () => {
    const [short, long] = [new FakeTextTokenizer(), new FakeTextTokenizer()]
    return { short, long, tokenizer: tokenizerByLength(short, long) }
  }

  test('keeps long texts and conversations away from the one that has to be quick', async () => {
    const { short, long, tokenizer } = lanes()
    const [content, addGenerationPrompt] = ['y'.repeat(2049), true]
    await tokenizer.tokenize({ text: 'x'.repeat(2048), addSpecialTokens: false }, false)
    await tokenizer.tokenize({ text: 'x'.repeat(2049), addSpecialTokens: false }, false)
    await tokenizer.tokenize({ messages: [{ role: 'user', content: 'hello' }], addGenerationPrompt }, false)
    await tokenizer.tokenize({ messages: [{ role: 'user', content }], addGenerationPrompt }, false)
    assert.deepEqual([short.calls.length, long.calls.length], [2, 2])
  })

  test('does so with ids', async () => {
    const { short, long, tokenizer } = lanes()
    await tokenizer.detokenize(new Array(2048).fill(65))
    assert.deepEqual([short.calls.length, long.calls.length], [1, 0])
    await tokenizer.detokenize(new Array(2049).fill(65))
    assert.deepEqual([short.calls.length, long.calls.length], [1, 1])
  })
})
