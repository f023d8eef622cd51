import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { bytesOfToken } from '../../src/tokenizer/token-bytes.ts'
import { chatOf } from '../support/conversation.ts'

const tokenizer = await loadHuggingFaceTokenizer(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'))
const spelled = (ids: readonly number[]): string => Buffer.concat(ids.map((id) => bytesOfToken(tokenizer.tokenBytes, id))).toString()

describe('the embedded tokenizer', () => {
  test('property: the tokens of any text spell it exactly', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => spelled(tokenizer.encode(text, false)) === text))
  })

  test('keeps a control token in a text as text, or parses it to one id', () => {
    assert.equal(spelled(tokenizer.encode('<|endoftext|>', false)), '<|endoftext|>')
    assert.deepEqual(tokenizer.encode('a<|endoftext|>', true).at(-1), 0)
  })

  test('adds no tokens', () => {
    assert.deepEqual(tokenizer.encode('', false), [])
    assert.equal(spelled(tokenizer.encode(' a', true)), ' a')
  })

  test('returns the generation prompt as the tail', () => {
    const { headIds, tail } = tokenizer.encodeChat(chatOf([{ role: 'user', content: 'Hello' }], { addGenerationPrompt: true }))
    assert.deepEqual([[...headIds], tail], [[], 'User: Hello\n\nAssistant:'])
  })

  test('refuses a rendering that is too long for sure, before it tokenizes it', () => {
    const conversation = chatOf([{ role: 'user', content: 'word '.repeat(1000) }])
    for (const encode of [
      () => tokenizer.encodeChat(conversation, 100),
      () => tokenizer.encodeConversation(conversation, [], 100),
      () => tokenizer.encodeAnswer(conversation, 100)
    ])
      assert.throws(encode, { code: 'context_length_exceeded', message: /at least \d+ tokens, and 100 are possible/ })
    assert.doesNotThrow(() => tokenizer.encodeAnswer(conversation, 2000))
  })

  test('maxTokenBytes is the largest number of bytes of a token', () => {
    const lengths = Array.from({ length: tokenizer.info.vocabSize }, (_, id) => bytesOfToken(tokenizer.tokenBytes, id).length)
    assert.equal(tokenizer.info.maxTokenBytes, Math.max(...lengths))
  })
})

test('a folder without a readable tokenizer.json is rejected with the reason', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-'))
  await assert.rejects(loadHuggingFaceTokenizer(folder), { code: 'model_invalid', message: /tokenizer\.json cannot be read/ })
  writeFileSync(join(folder, 'tokenizer.json'), '{')
  await assert.rejects(loadHuggingFaceTokenizer(folder), { code: 'model_invalid' })
})
