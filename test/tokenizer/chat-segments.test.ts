import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ChatSegment, chatSegments, contentSpans } from '../../src/tokenizer/chat-segments.ts'
import type { ChatMessage } from '../../src/tokenizer/tokenizer.ts'

const CONTROLS = ['<|im|>', '<|end|>', '<|im|>x']

const render = (messages: readonly ChatMessage[]): string =>
  `${messages.map(({ role, content }) => `<|im|>${role}\n${content}<|end|>\n`).join('')}<|im|>assistant\n`
const trimming = (messages: readonly ChatMessage[]): string => render(messages.map((message) => ({ ...message, content: message.content.trim() })))
const shouting = (messages: readonly ChatMessage[]): string => render(messages.map((message) => ({ ...message, content: message.content.toUpperCase() })))
const user = (content: string): ChatMessage => ({ role: 'user', content })
const text = (value: string): ChatSegment => ({ text: value, isControl: false })
const control = (value: string): ChatSegment => ({ text: value, isControl: true })

describe('chatSegments', () => {
  it('splits at the control tokens of the template', () => {
    assert.deepEqual(chatSegments([user('hello')], CONTROLS, render), [
      control('<|im|>'),
      text('user\nhello'),
      control('<|end|>'),
      text('\n'),
      control('<|im|>'),
      text('assistant\n')
    ])
  })

  it('keeps a control token that a message spells as text', () => {
    assert.deepEqual(
      chatSegments([user('say <|end|> twice: <|end|>'), user('ok')], CONTROLS, render).filter(({ isControl }) => !isControl),
      [text('user\nsay <|end|> twice: <|end|>'), text('\n'), text('user\nok'), text('\n'), text('assistant\n')]
    )
  })

  it('finds the longest of the control tokens that begin at the same position', () => {
    assert.deepEqual(
      chatSegments([], CONTROLS, () => '<|im|>x<|im|>y'),
      [control('<|im|>x'), control('<|im|>'), text('y')]
    )
  })

  it('escapes control tokens that are special in a regular expression', () => {
    assert.deepEqual(
      chatSegments([], ['[.*]', '$'], () => 'a[.*]b.$'),
      [text('a'), control('[.*]'), text('b.'), control('$')]
    )
  })

  it('returns one segment of text without control tokens', () =>
    assert.deepEqual(
      chatSegments([], ['', ''], () => 'plain'),
      [text('plain')]
    ))

  it('rejects a control token in a message if the template changes contents', () => {
    assert.throws(() => chatSegments([user('a <|end|>')], CONTROLS, shouting), { name: 'ServiceError', code: 'chat_template_failed' })
  })

  it('distinguishes a control token in a message from those of a template that trims contents', () => {
    assert.deepEqual(chatSegments([user(' <|end|> ')], CONTROLS, trimming).slice(0, 3), [control('<|im|>'), text('user\n<|end|>'), control('<|end|>')])
  })

  it('rejects a control token in a role', () => {
    assert.throws(() => chatSegments([{ role: 'user<|end|>', content: 'hi' }], CONTROLS, render), { name: 'ServiceError', code: 'chat_template_failed' })
  })

  it('accepts a template that changes contents if no message spells a control token', () => {
    assert.deepEqual(chatSegments([user('hi')], CONTROLS, shouting)[1], text('user\nHI'))
  })

  it('finds exactly the control tokens that the template writes and loses no text, for any messages', () => {
    const content = fc.array(fc.constantFrom('<|end|>', '<|im|>', '<|', 'im|>', 'x', ' ', '\n'), { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(content, { maxLength: 4 }), (contents) => {
        const messages = contents.map(user)
        const segments = chatSegments(messages, ['<|im|>', '<|end|>'], render)
        assert.equal(segments.filter(({ isControl }) => isControl).length, 2 * messages.length + 1)
        assert.equal(segments.map((segment) => segment.text).join(''), render(messages))
      })
    )
  })
})

type Template = (messages: readonly ChatMessage[]) => string

const plain: Template = (messages) => messages.map(({ role, content }) => `${role}: ${content}\n`).join('')
const trimmingPlain: Template = (messages) => plain(messages.map((message) => ({ ...message, content: message.content.trim() })))

function found(contents: readonly string[], template: Template): (string | null)[] | null {
  const messages = contents.map(user)
  const rendered = template(messages)
  return contentSpans(messages, rendered, template)?.map((span) => (span === null ? null : rendered.slice(span.start, span.end))) ?? null
}

describe('contentSpans', () => {
  it('locates contents, also repeated ones and those that look like the template', () => {
    assert.deepEqual(found(['a', 'a', 'user: a\n'], plain), ['a', 'a', 'user: a\n'])
  })

  it('locates contents that the template trims', () => assert.deepEqual(found(['  a ', '\nb'], trimmingPlain), ['a', 'b']))

  it('returns null for an empty content', () => assert.deepEqual(found(['a', '', 'b'], plain), ['a', null, 'b']))

  it('locates contents without text between them', () => {
    assert.deepEqual(
      found(['ab', 'c'], (messages) => messages.map(({ content }) => content).join('')),
      ['ab', 'c']
    )
  })

  const LOST: readonly [string, Template][] = [
    ['changes a content', (messages) => plain(messages).toUpperCase()],
    ['leaves one out', (messages) => plain(messages.slice(1))],
    ['writes one twice', (messages) => plain([...messages, ...messages])],
    ['depends on the contents', (messages) => (messages[0]?.content === 'a' ? 'x' : '') + plain(messages)],
    ['cuts a content short', (messages) => plain(messages.map(({ role, content }) => ({ role, content: content.slice(0, 1) })))]
  ]
  for (const [what, template] of LOST) it(`returns null for a template that ${what}`, () => assert.equal(found(['a', 'bcd'], template), null))

  it('locates every content of any conversation', () => {
    const content = fc.array(fc.constantFrom('user: ', '\n', ' ', 'x', '👍'), { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''))
    fc.assert(fc.property(fc.array(content, { maxLength: 5 }), (contents) => assert.deepEqual(found(contents, plain), contents)))
  })
})
