import { ServiceError } from '../errors.ts'
import { type ChatSegment, contentSpans, segmentsAt } from './chat-segments.ts'
import { tokenStarts } from './token-bytes.ts'
import type { ChatMessage, ContentBytes, EncodedConversation } from './tokenizer.ts'

/** The parts of a tokenizer that encode a conversation. */
export interface ChatModel {
  /** Spellings of the control tokens. */
  readonly controls: readonly string[]
  /** The model's chat template. Throws `chat_template_failed`. */
  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): string
  /** If `isControl`, the text is the spelling of a control token and becomes its id. */
  encode(text: string, isControl: boolean): number[]
  bytesOf(id: number): Uint8Array
}

/**
 * Encodes a conversation as a training run does: rendered without generation prompt, with the control tokens of the
 * template as ids and everything else as text. `generatedRoles` are the roles that the model writes.
 *
 * Throws `chat_template_failed` if contents cannot be located in the rendering, and `boundary_not_exact` if the tokens
 * do not spell it.
 */
export function encodeConversation(messages: readonly ChatMessage[], generatedRoles: readonly string[], model: ChatModel): EncodedConversation {
  const render = (conversation: readonly ChatMessage[]): string => model.render(conversation, false)
  const text = render(messages)
  const spans = contentSpans(messages, text, render)
  if (spans === null) {
    throw new ServiceError(
      'chat_template_failed',
      'this chat template changes, moves or leaves out the content of a message, so logpr cannot assign tokens to messages; render the conversation yourself and send it as segments'
    )
  }
  const ids: number[] = []
  const starts: number[] = []
  let bytes = 0
  for (const segment of segmentsAt(text, model.controls, spans)) {
    const segmentIds = model.encode(segment.text, segment.isControl)
    starts.push(...startsIn(segment, segmentIds, model).map((start) => bytes + start))
    ids.push(...segmentIds)
    bytes += Buffer.byteLength(segment.text)
  }

  const byteAt = (position: number): number => Buffer.byteLength(text.slice(0, position))
  const contents = spans.map((span, index): ContentBytes | null => {
    if (span === null) return null
    const prompt = generatedRoles.includes(messages[index]?.role ?? '') ? generationPrompt(messages.slice(0, index), model) : null
    const isPreserved = prompt !== null && prompt.length <= span.start && text.startsWith(prompt)
    return { start: byteAt(span.start), end: byteAt(span.end), promptEnd: isPreserved ? byteAt(prompt.length) : null }
  })
  return { text, ids: Int32Array.from(ids), starts: Int32Array.from([...starts, bytes]), contents }
}

/** First byte of each token, counted from the start of the segment: (n,). */
function startsIn({ text, isControl }: ChatSegment, ids: readonly number[], { bytesOf }: ChatModel): number[] {
  // The byte table has no bytes for control tokens; the spelling counts here.
  if (isControl) return ids.map((_, i) => (i === 0 ? 0 : Buffer.byteLength(text)))
  const starts = tokenStarts(ids.map(bytesOf), Buffer.from(text))
  if (starts !== null) return starts.slice(0, -1)
  throw new ServiceError(
    'boundary_not_exact',
    "the tokens of the rendered conversation do not spell it, because the tokenizer's normalizer changes the text, so logpr cannot assign tokens to messages; send token ids as x and y"
  )
}

/** The prompt for the message that follows `before`; null if the template rejects a conversation that ends there. */
function generationPrompt(before: readonly ChatMessage[], model: ChatModel): string | null {
  try {
    return model.render(before, true)
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'chat_template_failed') return null
    throw error
  }
}
