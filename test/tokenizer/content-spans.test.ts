import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Text } from '../../src/jinja/text.ts'
import { assertPlainRoles, contentSpans, isMessageText } from '../../src/tokenizer/content-spans.ts'
import type { ChatMessage } from '../../src/tokenizer/tokenizer.ts'

const user = (content: string): ChatMessage => ({ role: 'user', content })
const MESSAGES = [user('ab'), user('c')]

describe('contentSpans', () => {
  const located = (parts: readonly Text[]): unknown => contentSpans(MESSAGES, Text.concat(parts))

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
    assert.deepEqual(located([Text.from('tool', -1), Text.from('ab', 0)]), [{ start: 4, end: 6 }, null])
  })

  it('is null as a whole if contents change places', () => assert.equal(located([Text.from('c', 1), Text.from('ab', 0)]), null))
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
