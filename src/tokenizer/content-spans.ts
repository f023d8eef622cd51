import { ServiceError } from '../errors.ts'
import type { Text } from '../jinja/text.ts'
import type { ChatMessage } from './tokenizer.ts'

/** UTF-16 positions in a rendered conversation. */
interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Whether a part of a rendered conversation contains text of a message. A control token that is spelled there is the
 * user's text.
 */
export function isMessageText({ origins }: Text): (start: number, end: number) => boolean {
  return (start, end) => origins.some((origin) => origin.start < end && origin.end > start)
}

/**
 * Throws `chat_template_failed` if a role spells a control token: templates write roles between control tokens of their
 * own, so that a role counts as the template's text.
 */
export function assertPlainRoles(messages: readonly ChatMessage[], controls: readonly string[]): void {
  const spelled = messages.some(({ role }) => controls.some((control) => control !== '' && role.includes(control)))
  if (spelled) throw new ServiceError('chat_template_failed', 'the role of a message contains a control token; use a role that the chat template supports')
}

/**
 * Locates the content of each message in a rendered conversation: from its first part to its last, with what the
 * template writes between them. Null for a message of which nothing is rendered.
 *
 * Returns null if contents overlap, because the template moves or repeats them.
 */
export function contentSpans(messages: readonly ChatMessage[], { origins }: Text): readonly (Span | null)[] | null {
  const spans = messages.map((_, index): Span | null => {
    const own = origins.filter(({ source }) => source === index)
    const [first, last] = [own[0], own.at(-1)]
    return first === undefined || last === undefined ? null : { start: first.start, end: last.end }
  })
  let at = 0
  for (const span of spans) {
    if (span === null) continue
    if (span.start < at) return null
    at = span.end
  }
  return spans
}
