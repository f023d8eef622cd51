import { ServiceError } from '../errors.ts'
import { type ChatSegment, contentSpans, segmentsAt } from './chat-segments.ts'
import { tokenStarts } from './token-bytes.ts'
import type { ChatMessage, ContentBytes, EncodedConversation } from './tokenizer.ts'

/** What a conversation is encoded with. */
export interface ChatModel {
  /** Spellings of the control tokens. */
  readonly controls: readonly string[]
  /** The model's chat template. Throws `chat_template_failed`. */
  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): string
  /** Ids of a text; a control token's spelling becomes its id when `isControl`. */
  encode(text: string, isControl: boolean): number[]
  bytesOf(id: number): Uint8Array
}

/**
 * A whole conversation as a training run sees it: rendered without a generation prompt, control tokens of the template
 * as ids, all else as text. `generatedRoles` are the roles whose messages a generation prompt could precede.
 *
 * Throws `chat_template_failed` when contents cannot be found in the rendering, `boundary_not_exact` when the tokens
 * do not spell it.
 */
export function encodeConversation(messages: readonly ChatMessage[], generatedRoles: readonly string[], model: ChatModel): EncodedConversation {
  const render = (conversation: readonly ChatMessage[]): string => model.render(conversation, false)
  const text = render(messages)
  const spans = contentSpans(messages, text, render)
  if (spans === null) {
    throw new ServiceError(
      'chat_template_failed',
      'this chat template changes, moves or leaves out the content of a message, so that it cannot be told which tokens are whose; render the conversation yourself and send it as segments'
    )
  }
  const ids: number[] = []
  const starts: number[] = []
  let bytes = 0
  for (const piece of segmentsAt(text, model.controls, spans)) {
    const pieceIds = model.encode(piece.text, piece.isControl)
    starts.push(...startsIn(piece, pieceIds, model).map((start) => bytes + start))
    ids.push(...pieceIds)
    bytes += Buffer.byteLength(piece.text)
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

function startsIn({ text, isControl }: ChatSegment, ids: readonly number[], { bytesOf }: ChatModel): number[] {
  // A control token has no bytes of its own in the table: it takes the room of its spelling.
  if (isControl) return ids.map((_, i) => (i === 0 ? 0 : Buffer.byteLength(text)))
  const starts = tokenStarts(ids.map(bytesOf), Buffer.from(text))
  if (starts !== null) return starts.slice(0, -1)
  throw new ServiceError(
    'boundary_not_exact',
    "the tokens of the rendered conversation do not spell it: the tokenizer's normalizer changes the text, so that it cannot be told which tokens are whose; send token ids as x and y"
  )
}

/** What the model is given when it is to write the next message; null when the template cannot be rendered so far. */
function generationPrompt(before: readonly ChatMessage[], model: ChatModel): string | null {
  try {
    return model.render(before, true)
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'chat_template_failed') return null
    throw error
  }
}
