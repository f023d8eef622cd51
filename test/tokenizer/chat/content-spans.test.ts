import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Text } from '../../../src/jinja/text.ts'
import { areInOrder, assertPlainRoles, isMessageText, messageSpans } from '../../../src/tokenizer/chat/content-spans.ts'
import type { ChatMessage } from '../../../src/tokenizer/tokenizer.ts'

const user = (content: string): ChatMessage => ({ role: 'user', content })
const MESSAGES = [user('ab'), user('c')]
const SOURCES = [
  { message: 0, field: 'content' },
  { message: 1, field: 'content' },
  { message: 1, field: 'reasoning_content' },
  { message: 0, field: 'name' },
  { message: null, field: 'tools' }
]

describe('messageSpans', () => {
  const located = (parts: readonly Text[]) => messageSpans(MESSAGES.length, Text.concat(parts), SOURCES)

  it('locates each content', () => {
    assert.deepEqual(located([new Text('<'), Text.from('ab', 0), new Text('>'), Text.from('c', 1)]), [
      { start: 1, end: 3 },
      { start: 4, end: 5 }
    ])
  })

  it('spans all parts of a content, with what is between them', () => {
    assert.deepEqual(located([Text.from('a', 0), new Text('-'), Text.from('b', 0), Text.from('c', 1)]), [
      { start: 0, end: 3 },
      { start: 3, end: 4 }
    ])
  })

  it('is null for a message of which nothing is rendered', () => assert.deepEqual(located([Text.from('c', 1)]), [null, { start: 0, end: 1 }]))

  it('ignores other texts of the conversation', () => {
    assert.deepEqual(located([Text.from('tool', 4), Text.from('ab', 0), Text.from('x', 3)]), [{ start: 4, end: 6 }, null])
  })

  it('counts the thinking of a message as its text', () => {
    assert.deepEqual(located([Text.from('why', 2), new Text('</think>'), Text.from('c', 1)]), [null, { start: 0, end: 12 }])
  })

  it('shows whether contents change places', () => {
    assert.equal(areInOrder(located([Text.from('c', 1), Text.from('ab', 0)])), false)
    assert.equal(areInOrder(located([Text.from('ab', 0), Text.from('c', 1)])), true)
  })
})

describe('isMessageText', () => {
  const isText = isMessageText(Text.concat([new Text('<s>'), Text.from('x<s>', 0), new Text('</s>')]))

  it('holds for a part inside a message, and for one that a message and the template spell together', () => {
    assert.equal(isText(4, 7), true)
    assert.equal(isText(6, 9), true)
  })

  it('does not hold for what the template writes', () => {
    assert.equal(isText(0, 3), false)
    assert.equal(isText(7, 11), false)
  })
})

describe('assertPlainRoles', () => {
  it('rejects a control token in a role', () => {
    assert.throws(() => assertPlainRoles([{ role: 'user<|end|>', content: '' }], ['', '<|end|>']), { code: 'chat_template_failed' })
    assert.doesNotThrow(() => assertPlainRoles([{ role: 'user', content: '<|end|>' }], ['', '<|end|>']))
  })
})
