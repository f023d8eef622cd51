import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { contentSpans } from '../../src/tokenizer/chat-segments.ts'
import type { ChatMessage } from '../../src/tokenizer/tokenizer.ts'

type Template = (messages: readonly ChatMessage[]) => string

const plain: Template = (messages) => messages.map(({ role, content }) => `${role}: ${content}\n`).join('')
const trimming: Template = (messages) => plain(messages.map((message) => ({ ...message, content: message.content.trim() })))
const message = (content: string): ChatMessage => ({ role: 'user', content })

function found(contents: readonly string[], template: Template): (string | null)[] | null {
  const messages = contents.map(message)
  const rendered = template(messages)
  return contentSpans(messages, rendered, template)?.map((span) => (span === null ? null : rendered.slice(span.start, span.end))) ?? null
}

describe('contentSpans', () => {
  it('finds contents, repeated ones and those that look like the template too', () => {
    assert.deepEqual(found(['a', 'a', 'user: a\n'], plain), ['a', 'a', 'user: a\n'])
  })

  it('finds what a trimming template left of a content', () => assert.deepEqual(found(['  a ', '\nb'], trimming), ['a', 'b']))

  it('has no place for an empty content', () => assert.deepEqual(found(['a', '', 'b'], plain), ['a', null, 'b']))

  it('finds contents without anything between them', () => {
    assert.deepEqual(
      found(['ab', 'c'], (messages) => messages.map(({ content }) => content).join('')),
      ['ab', 'c']
    )
  })

  const LOST: readonly [string, Template][] = [
    ['changes a content', (messages) => plain(messages).toUpperCase()],
    ['leaves one out', (messages) => plain(messages.slice(1))],
    ['writes one twice', (messages) => plain([...messages, ...messages])],
    ['depends on what is said', (messages) => (messages[0]?.content === 'a' ? 'x' : '') + plain(messages)],
    ['cuts a content short', (messages) => plain(messages.map(({ role, content }) => ({ role, content: content.slice(0, 1) })))]
  ]
  for (const [what, template] of LOST) it(`gives up on a template that ${what}`, () => assert.equal(found(['a', 'bcd'], template), null))

  it('finds every content of any conversation', () => {
    const content = fc.array(fc.constantFrom('user: ', '\n', ' ', 'x', '👍'), { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''))
    fc.assert(fc.property(fc.array(content, { maxLength: 5 }), (contents) => assert.deepEqual(found(contents, plain), contents)))
  })
})
