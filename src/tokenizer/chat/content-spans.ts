import { ServiceError } from '../../errors.ts'
import type { Text } from '../../jinja/text.ts'
import type { ChatMessage } from '../tokenizer.ts'
import { REASONING_FIELDS, type TextSource } from './template-values.ts'

/** UTF-16 positions in a rendered conversation. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Whether a part of a rendered conversation contains text of a message. A control token that is spelled there is the
 * user's text.
 */
export function isMessageText({ origins }: Text): (start: number, end: number) => boolean {
  return (start, end) => {
    // Origins are in order. Tools may have a hundred thousand, and their texts as many spellings of control tokens.
    let [low, high] = [0, origins.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((origins[middle]?.end ?? 0) > start) high = middle
      else low = middle + 1
    }
    const first = origins[low]
    return first !== undefined && first.start < end
  }
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
 * Locates what each message says, its content and its thinking, in a rendered conversation: from the first part to the
 * last, with what the template writes between them. Null for a message of which nothing is rendered.
 */
export function messageSpans(messageCount: number, { origins }: Text, sources: readonly TextSource[]): readonly (Span | null)[] {
  const spans: (Span | null)[] = Array.from({ length: messageCount }, () => null)
  for (const { source, start, end } of origins) {
    const of = sources[source]
    if (of === undefined || of.message === null || !SPOKEN.has(of.field)) continue
    spans[of.message] = { start: spans[of.message]?.start ?? start, end }
  }
  return spans
}

const SPOKEN: ReadonlySet<string> = new Set(['content', ...REASONING_FIELDS])

/** Whether spans follow each other in the order of the messages. If not, the template moves or repeats contents. */
export function areInOrder(spans: readonly (Span | null)[]): boolean {
  let at = 0
  for (const span of spans) {
    if (span === null) continue
    if (span.start < at) return false
    at = span.end
  }
  return true
}
