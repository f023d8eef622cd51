import { ServiceError } from '../errors.ts'
import type { ChatMessage } from './tokenizer.ts'

/** A part of a rendered conversation: the spelling of one control token, or text. */
export interface ChatSegment {
  readonly text: string
  readonly isControl: boolean
}

/**
 * Splits a rendered conversation at the control tokens that the template wrote. The same spelling inside a message is
 * the user's text and no control token.
 *
 * Throws `chat_template_failed` if a message spells a control token and the template changes contents by more than
 * white space at their ends, because the two cannot be distinguished then. Also throws if a role spells a control
 * token: templates branch on roles, so a placeholder would change the rendering.
 */
export function chatSegments(
  messages: readonly ChatMessage[],
  controls: readonly string[],
  render: (messages: readonly ChatMessage[]) => string
): ChatSegment[] {
  const rendered = render(messages)
  const spellsControl = (text: string): boolean => controls.some((control) => control !== '' && text.includes(control))
  if (messages.some(({ role }) => spellsControl(role)))
    throw new ServiceError('chat_template_failed', 'the role of a message contains a control token; use a role that the chat template supports')
  const spelled = messages.some(({ content }) => spellsControl(content))
  const contents = spelled ? contentSpans(messages, rendered, render) : []
  if (contents === null) {
    throw new ServiceError(
      'chat_template_failed',
      'a message contains the spelling of a control token, and this chat template changes message contents, so logpr cannot tell text from control tokens; remove the spelling from the message'
    )
  }
  return segmentsAt(rendered, controls, contents)
}

/** Splits a rendered conversation at control tokens, except those that overlap a content. */
export function segmentsAt(rendered: string, controls: readonly string[], contents: readonly (Span | null)[]): ChatSegment[] {
  const segments: ChatSegment[] = []
  let at = 0
  for (const control of occurrences(rendered, controls)) {
    if (contents.some((content) => content !== null && control.start < content.end && control.end > content.start)) continue
    segments.push({ text: rendered.slice(at, control.start), isControl: false }, { text: rendered.slice(control.start, control.end), isControl: true })
    at = control.end
  }
  segments.push({ text: rendered.slice(at), isControl: false })
  return segments.filter(({ text }) => text !== '')
}

/** Finds control tokens from left to right, and the longest one if several begin at the same position. */
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

/** Private-use characters, which templates neither look for nor change. */
const PLACEHOLDER = /\uE000(\d+)\uE001/

/**
 * Locates the content of each message in a rendered conversation by rendering it again with placeholders. The template
 * may trim white space at the ends of a content. An empty content has no position and is null.
 *
 * Returns null if the template changes contents in another way, leaves one out or moves one.
 */
export function contentSpans(
  messages: readonly ChatMessage[],
  rendered: string,
  render: (messages: readonly ChatMessage[]) => string
): readonly (Span | null)[] | null {
  const outline = render(messages.map((message, index) => (message.content === '' ? message : { ...message, content: `\uE000${index}\uE001` })))
  const spans: (Span | null)[] = messages.map(() => null)
  // Template text at even indexes, the index of a message at odd ones.
  const parts = outline.split(PLACEHOLDER)
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

/** A content, unchanged and trimmed in the ways that templates trim. */
function variantsOf(content: string): string[] {
  return [content, content.trim(), content.trimStart(), content.trimEnd()]
}
