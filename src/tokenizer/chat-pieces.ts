import { ServiceError } from '../errors.ts'
import type { ChatMessage } from './tokenizer.ts'

/** A stretch of a rendered conversation: one control token's spelling, or text. */
export interface ChatPiece {
  readonly text: string
  readonly isControl: boolean
}

interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Cuts a rendered conversation at the control tokens that the template wrote, and only there: the same spelling inside
 * a message is the user's text. Where each message lies is found by rendering again with stand-ins for the contents.
 *
 * Throws `chat_template_failed` when a message spells a control token and the template changes contents (trims them,
 * say), since then the two cannot be told apart, and when a role spells one: templates branch on roles, so no stand-in works.
 */
export function chatPieces(messages: readonly ChatMessage[], controls: readonly string[], render: (messages: readonly ChatMessage[]) => string): ChatPiece[] {
  const rendered = render(messages)
  const spellsControl = (text: string): boolean => controls.some((control) => control !== '' && text.includes(control))
  if (messages.some(({ role }) => spellsControl(role)))
    throw new ServiceError('chat_template_failed', 'the role of a message spells a control token; use the roles that the chat template knows')
  const spelled = messages.some(({ content }) => spellsControl(content))
  const contents = spelled ? contentSpans(messages, rendered, render) : []

  const pieces: ChatPiece[] = []
  let at = 0
  for (const control of occurrences(rendered, controls)) {
    if (contents.some((content) => control.start < content.end && control.end > content.start)) continue
    pieces.push({ text: rendered.slice(at, control.start), isControl: false }, { text: rendered.slice(control.start, control.end), isControl: true })
    at = control.end
  }
  pieces.push({ text: rendered.slice(at), isControl: false })
  return pieces.filter(({ text }) => text !== '')
}

function contentSpans(messages: readonly ChatMessage[], rendered: string, render: (messages: readonly ChatMessage[]) => string): Span[] {
  // Private-use characters: no template looks for them, and none of its filters touches them.
  const standIn = (index: number): string => `\uE000${index}\uE001`
  const outline = render(messages.map((message, index) => ({ ...message, content: standIn(index) })))
  const spans: Span[] = []
  let filled = ''
  for (const part of outline.split(/(\uE000\d+\uE001)/)) {
    const index = /^\uE000(\d+)\uE001$/.exec(part)?.[1]
    const text = index === undefined ? part : (messages[Number(index)]?.content ?? '')
    if (index !== undefined) spans.push({ start: filled.length, end: filled.length + text.length })
    filled += text
  }
  if (filled !== rendered) {
    throw new ServiceError(
      'chat_template_failed',
      'a message spells a control token, and this chat template changes the contents of messages, so that the two cannot be told apart'
    )
  }
  return spans
}

/** Where control tokens are spelled, from left to right, the longest first where several begin. */
function* occurrences(text: string, controls: readonly string[]): Generator<Span> {
  const byLength = [...controls].filter((control) => control !== '').sort((a, b) => b.length - a.length)
  if (byLength.length === 0) return
  const pattern = new RegExp(byLength.map((control) => control.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g')
  for (const match of text.matchAll(pattern)) yield { start: match.index, end: match.index + match[0].length }
}
