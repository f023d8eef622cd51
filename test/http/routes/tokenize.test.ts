import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tokenizeInputOf } from '../../../src/http/routes/tokenize.ts'
import { chatOf } from '../../support/conversation.ts'

const messages = [{ role: 'user', content: 'Hi' }]

describe('tokenizeInputOf', () => {
  test('adds special tokens to a prompt unless told not to', () => {
    assert.deepEqual(tokenizeInputOf({ prompt: 'a' }), { text: 'a', addSpecialTokens: true })
    assert.deepEqual(tokenizeInputOf({ prompt: 'a', add_special_tokens: false }), { text: 'a', addSpecialTokens: false })
  })

  test('ends a conversation with a generation prompt unless told not to', () => {
    assert.deepEqual(tokenizeInputOf({ messages }), { conversation: chatOf(messages, { addGenerationPrompt: true }) })
    assert.deepEqual(tokenizeInputOf({ messages, add_generation_prompt: false }), { conversation: chatOf(messages) })
    assert.deepEqual(tokenizeInputOf({ messages, add_special_tokens: false }), { conversation: chatOf(messages, { addGenerationPrompt: true }) })
  })

  test('takes one of prompt and messages', () => {
    assert.throws(() => tokenizeInputOf({}), { code: 'invalid_request', param: 'prompt' })
    assert.throws(() => tokenizeInputOf({ prompt: '', messages }), { code: 'invalid_request', param: 'messages' })
  })

  test('refuses what would change the rendering, and not its absence in other words', () => {
    for (const [param, value] of [
      ['chat_template', '{{ messages }}'],
      ['add_special_tokens', true]
    ] as const) {
      assert.throws(() => tokenizeInputOf({ messages, [param]: value }), { code: 'invalid_request', param })
    }
    const absent = { tools: null, chat_template: null, chat_template_kwargs: {}, continue_final_message: false }
    assert.deepEqual(tokenizeInputOf({ messages, ...absent }), { conversation: chatOf(messages, { addGenerationPrompt: true }) })
  })

  test('passes tools, documents, variables and the field to continue to the template', () => {
    const tools = [{ type: 'function' }]
    const body = { messages, tools, documents: [{ title: 'T' }], chat_template_kwargs: { enable_thinking: false }, continue_final_message: true }
    assert.deepEqual(tokenizeInputOf(body), {
      conversation: chatOf(messages, { tools, documents: [{ title: 'T' }], variables: { enable_thinking: false }, continuedField: 'content' })
    })
  })

  test('refuses half of a UTF-16 pair, naming where', () => {
    assert.throws(() => tokenizeInputOf({ prompt: 'a\ud83d' }), { code: 'invalid_text', param: 'prompt' })
    assert.throws(() => tokenizeInputOf({ messages: [...messages, { role: 'user', content: '\udc4d' }] }), {
      code: 'invalid_text',
      param: 'messages/1/content'
    })
  })
})
