import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ChatTemplate } from '../../../src/tokenizer/chat/chat-template.ts'
import type { ChatMessage, Conversation } from '../../../src/tokenizer/tokenizer.ts'
import { chatOf } from '../../support/conversation.ts'

const SIMPLE = '{% for m in messages %}{{ m.content }}{% endfor %}'
const user: ChatMessage = { role: 'user', content: 'Hi' }

function warned(source: string, messages: readonly ChatMessage[], options: Partial<Conversation> = {}): string[] {
  return new ChatTemplate(new Map([['default', source]]), {}).render(chatOf(messages, options)).warnings.map(({ code, message }) => `${code}: ${message}`)
}

describe('a conversation whose chat template', () => {
  test('reads neither tools, documents nor a variable gets a warning for each', () => {
    const options = { tools: [{}], documents: [{}], variables: { enable_thinking: false } }
    assert.deepEqual(warned(SIMPLE, [user], options), [
      'field_ignored: tools has no effect: the chat template never reads it',
      'field_ignored: documents has no effect: the chat template never reads it',
      'field_ignored: chat_template_kwargs.enable_thinking has no effect: the chat template never reads it'
    ])
    assert.deepEqual(warned(`${SIMPLE}{% if tools and documents and enable_thinking %}{% endif %}`, [user], options), [])
  })

  test('never reads a field of a message gets a warning with the messages, and none if it writes whole messages', () => {
    const messages = [user, { role: 'assistant', content: 'a', reasoning_content: 'why', name: null }, { ...user, name: 'x', '<secret>': 'y' }]
    assert.deepEqual(warned(SIMPLE, messages), [
      'field_ignored: reasoning_content of messages/1 has no effect: the chat template never reads it',
      'field_ignored: name of messages/2 has no effect: the chat template never reads it',
      'field_ignored: a field of messages/2 has no effect: the chat template never reads it'
    ])
    assert.deepEqual(warned('{{ messages | tojson }}', messages), [])
  })

  test('leaves out what the model should read gets a warning', () => {
    const last = '{{ messages[-1].content }}{{ messages[-1].reasoning_content }}'
    const messages = [{ role: 'assistant', content: 'a', reasoning_content: 'why' }, user, { ...user, content: ' ' }]
    assert.deepEqual(warned(last, messages), [
      'field_not_rendered: the chat template writes nothing of content of messages/0, messages/1, so the model does not see it',
      'field_not_rendered: the chat template writes nothing of reasoning_content of messages/0, so the model does not see it'
    ])
  })

  test('reads no parts gets a warning for a content in parts', () => {
    const parts: ChatMessage = { role: 'user', content: [{ type: 'text', text: 'Hi' }] }
    assert.match(warned(SIMPLE, [parts])[0] ?? '', /^parts_not_read: content of messages\/0/)
    assert.deepEqual(warned('{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}', [parts]), [])
  })
})

describe('control tokens of the template', () => {
  test('are apart from what tools, variables and keys of messages spell', () => {
    const source = '<s>{{ tools | tojson }}{{ name }}{{ messages | tojson }}'
    const conversation = chatOf([{ role: 'user', content: 'c', '<s>': { '<s>': 1 } }], { tools: [{ '<s>': '<s>' }], variables: { name: '<s>' } })
    const { text } = new ChatTemplate(new Map([['default', source]]), {}).render(conversation)
    const places = [...text.value.matchAll(/<s>/g)].map(({ index }) => index)
    const isGiven = (at: number): boolean => text.origins.some(({ start, end }) => start <= at && at < end)
    assert.deepEqual(
      places.map((at) => isGiven(at)),
      [false, true, true, true, true, true]
    )
  })
})
