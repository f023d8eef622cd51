import { ServiceError } from '../errors.ts'
import { contentSpans, type Span } from './content-spans.ts'
import type { ChatMessage } from './tokenizer.ts'

/** A stretch of a rendered conversation: one control token's spelling, or text. */
export interface ChatPiece {
  readonly text: string
  readonly isControl: boolean
}

/**
 * Cuts a rendered conversation at the control tokens that the template wrote, and only there: the same spelling inside
 * a message is the user's text.
 *
 * Throws `chat_template_failed` when a message spells a control token and the template changes contents by more than
 * white space at their ends, since then the two cannot be told apart, and when a role spells one: templates branch on
 * roles, so no stand-in works.
 */
export function chatPieces(messages: readonly ChatMessage[], controls: readonly string[], render: (messages: readonly ChatMessage[]) => string): ChatPiece[] {
  const rendered = render(messages)
  const spellsControl = (text: string): boolean => controls.some((control) => control !== '' && text.includes(control))
  if (messages.some(({ role }) => spellsControl(role)))
    throw new ServiceError('chat_template_failed', 'the role of a message spells a control token; use the roles that the chat template knows')
  const spelled = messages.some(({ content }) => spellsControl(content))
  const contents = spelled ? contentSpans(messages, rendered, render) : []
  if (contents === null) {
    throw new ServiceError(
      'chat_template_failed',
      'a message spells a control token, and this chat template changes the contents of messages, so that the two cannot be told apart'
    )
  }
  return piecesOf(rendered, controls, contents)
}

/** The pieces of a text that lie between and at its control tokens; those that touch a content are text. */
export function piecesOf(rendered: string, controls: readonly string[], contents: readonly (Span | null)[]): ChatPiece[] {
  const pieces: ChatPiece[] = []
  let at = 0
  for (const control of occurrences(rendered, controls)) {
    if (contents.some((content) => content !== null && control.start < content.end && control.end > content.start)) continue
    pieces.push({ text: rendered.slice(at, control.start), isControl: false }, { text: rendered.slice(control.start, control.end), isControl: true })
    at = control.end
  }
  pieces.push({ text: rendered.slice(at), isControl: false })
  return pieces.filter(({ text }) => text !== '')
}

/** Where control tokens are spelled, from left to right, the longest first where several begin. */
function* occurrences(text: string, controls: readonly string[]): Generator<Span> {
  const byLength = [...controls].filter((control) => control !== '').sort((a, b) => b.length - a.length)
  if (byLength.length === 0) return
  const pattern = new RegExp(byLength.map((control) => control.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g')
  for (const match of text.matchAll(pattern)) yield { start: match.index, end: match.index + match[0].length }
}
