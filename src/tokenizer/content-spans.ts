import type { ChatMessage } from './tokenizer.ts'

/** UTF-16 positions in a rendered conversation. */
export interface Span {
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
