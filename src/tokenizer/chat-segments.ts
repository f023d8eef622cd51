import { ServiceError } from '../errors.ts'
import type { ChatMessage } from './tokenizer.ts'

/** A stretch of a rendered conversation: one control token's spelling, or text. */
export interface ChatSegment {
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
export function chatSegments(
  messages: readonly ChatMessage[],
  controls: readonly string[],
  render: (messages: readonly ChatMessage[]) => string
): ChatSegment[] {
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
  return segmentsAt(rendered, controls, contents)
}

/** The pieces of a text that lie between and at its control tokens; those that touch a content are text. */
export function segmentsAt(rendered: string, controls: readonly string[], contents: readonly (Span | null)[]): ChatSegment[] {
  const pieces: ChatSegment[] = []
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

/** UTF-16 positions in a rendered conversation. */
interface Span {
  readonly start: number
  readonly end: number
}

/** Private-use characters: no template looks for them, and none of its filters touches them. */
const STAND_IN = /\uE000(\d+)\uE001/

/**
 * Where the content of each message lies in a rendered conversation, found by rendering again with stand-ins for the
 * contents. A template may take white space off a content's ends. Null for an empty content, which has no place.
 *
 * Null for all when the template changes contents in another way, leaves one out or moves one.
 */
export function contentSpans(
  messages: readonly ChatMessage[],
  rendered: string,
  render: (messages: readonly ChatMessage[]) => string
): readonly (Span | null)[] | null {
  const outline = render(messages.map((message, index) => (message.content === '' ? message : { ...message, content: `\uE000${index}\uE001` })))
  const spans: (Span | null)[] = messages.map(() => null)
  // Template text at even places, the index of a message at odd ones.
  const parts = outline.split(STAND_IN)
  let at = parts[0]?.length ?? 0
  if (!rendered.startsWith(parts[0] ?? '')) return null
  for (let part = 1; part < parts.length; part += 2) {
    const index = Number(parts[part])
    const following = parts[part + 1] ?? ''
    const content = variantsOf(messages[index]?.content ?? '').find((variant) => rendered.startsWith(variant + following, at))
    if (content === undefined || spans[index] !== null) return null
    spans[index] = { start: at, end: at + content.length }
    at += content.length + following.length
  }
  const isWhole = at === rendered.length && messages.every(({ content }, index) => content === '' || spans[index] !== null)
  return isWhole ? spans : null
}

/** A content as it is and as templates trim it. */
function variantsOf(content: string): string[] {
  return [content, content.trim(), content.trimStart(), content.trimEnd()]
}
