import { ServiceError } from '../errors.ts'
import type { Text } from '../jinja/text.ts'
import { contentSpans } from './content-spans.ts'
import type { EncodedPiece } from './text-encoder.ts'
import { tokenStarts } from './token-bytes.ts'
import type { ChatMessage, ContentBytes, EncodedConversation } from './tokenizer.ts'

/** The parts of a tokenizer that encode a conversation. */
export interface ChatModel {
  /** The model's chat template; the origin of a part is the index of its message. Throws `chat_template_failed`. */
  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): Text
  /** Control tokens that the template writes become ids, and everything else is text. */
  pieces(rendered: Text): readonly EncodedPiece[]
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
  const rendered = model.render(messages, false)
  const text = rendered.value
  const spans = contentSpans(messages, rendered)
  const isLost = ({ role, content }: ChatMessage, index: number): boolean => generatedRoles.includes(role) && content.trim() !== '' && spans?.[index] === null
  if (spans === null || messages.some(isLost)) {
    throw new ServiceError(
      'chat_template_failed',
      'this chat template moves, repeats or leaves out the content of a message, so logpr cannot assign tokens to messages; render the conversation yourself and send it as segments'
    )
  }
  const ids: number[] = []
  const starts: number[] = []
  let bytes = 0
  for (const piece of model.pieces(rendered)) {
    const pieceText = text.slice(piece.start, piece.end)
    starts.push(...startsIn(piece, pieceText, model).map((start) => bytes + start))
    ids.push(...piece.ids)
    bytes += Buffer.byteLength(pieceText)
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

/** First byte of each token, counted from the start of the piece: (n,). */
function startsIn({ token, ids }: EncodedPiece, text: string, { bytesOf }: ChatModel): number[] {
  // An added token spans the white space that it takes.
  if (token !== null) return [0]
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
    return model.render(before, true).value
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'chat_template_failed') return null
    throw error
  }
}
