import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ChatSegment, chatSegments } from '../../src/tokenizer/chat-segments.ts'
import type { ChatMessage } from '../../src/tokenizer/tokenizer.ts'

const CONTROLS = ['<|im|>', '<|end|>', '<|im|>x']

const render = (messages: readonly ChatMessage[]): string =>
  `${messages.map(({ role, content }) => `<|im|>${role}\n${content}<|end|>\n`).join('')}<|im|>assistant\n`
const trimming = (messages: readonly ChatMessage[]): string => render(messages.map((message) => ({ ...message, content: message.content.trim() })))
const shouting = (messages: readonly ChatMessage[]): string => render(messages.map((message) => ({ ...message, content: message.content.toUpperCase() })))
const user = (content: string): ChatMessage => ({ role: 'user', content })
const text = (value: string): ChatSegment => ({ text: value, isControl: false })
const control = (value: string): ChatSegment => ({ text: value, isControl: true })

describe('chatPieces', () => {
  it('cuts at the control tokens of the template', () => {
    assert.deepEqual(chatSegments([user('hello')], CONTROLS, render), [
      control('<|im|>'),
      text('user\nhello'),
      control('<|end|>'),
      text('\n'),
      control('<|im|>'),
      text('assistant\n')
    ])
  })

  it('takes a control token that a message spells for its text', () => {
    assert.deepEqual(
      chatSegments([user('say <|end|> twice: <|end|>'), user('ok')], CONTROLS, render).filter(({ isControl }) => !isControl),
      [text('user\nsay <|end|> twice: <|end|>'), text('\n'), text('user\nok'), text('\n'), text('assistant\n')]
    )
  })

  it('takes the longest of the control tokens that begin at one place', () => {
    assert.deepEqual(
      chatSegments([], CONTROLS, () => '<|im|>x<|im|>y'),
      [control('<|im|>x'), control('<|im|>'), text('y')]
    )
  })

  it('takes control tokens literally, whatever they mean in a pattern', () => {
    assert.deepEqual(
      chatSegments([], ['[.*]', '$'], () => 'a[.*]b.$'),
      [text('a'), control('[.*]'), text('b.'), control('$')]
    )
  })

  it('has one piece of text without control tokens', () =>
    assert.deepEqual(
      chatSegments([], ['', ''], () => 'plain'),
      [text('plain')]
    ))

  it('refuses a control token in a message when the template changes contents', () => {
    assert.throws(() => chatSegments([user('a <|end|>')], CONTROLS, shouting), { name: 'ServiceError', code: 'chat_template_failed' })
  })

  it('tells a control token in a message from those of a template that trims contents', () => {
    assert.deepEqual(chatSegments([user(' <|end|> ')], CONTROLS, trimming).slice(0, 3), [control('<|im|>'), text('user\n<|end|>'), control('<|end|>')])
  })

  it('refuses a control token in a role, which the template would write among its own', () => {
    assert.throws(() => chatSegments([{ role: 'user<|end|>', content: 'hi' }], CONTROLS, render), { name: 'ServiceError', code: 'chat_template_failed' })
  })

  it('takes a template that changes contents when no message spells a control token', () => {
    assert.deepEqual(chatSegments([user('hi')], CONTROLS, shouting)[1], text('user\nHI'))
  })

  it('has as many control tokens as the template writes, and loses no text, whatever the messages are', () => {
    const content = fc.array(fc.constantFrom('<|end|>', '<|im|>', '<|', 'im|>', 'x', ' ', '\n'), { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(content, { maxLength: 4 }), (contents) => {
        const messages = contents.map(user)
        const pieces = chatSegments(messages, ['<|im|>', '<|end|>'], render)
        assert.equal(pieces.filter(({ isControl }) => isControl).length, 2 * messages.length + 1)
        assert.equal(pieces.map((piece) => piece.text).join(''), render(messages))
      })
    )
  })
})
