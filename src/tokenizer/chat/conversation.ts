import { ServiceError } from '../../errors.ts'
import type { EncodedPiece } from '../text-encoder.ts'
import { tokenStarts } from '../token-bytes.ts'
import type { ChatMessage, ContentBytes, Conversation, EncodedAnswer, EncodedConversation } from '../tokenizer.ts'
import type { RenderedChat } from './chat-template.ts'
import { areInOrder, messageSpans, type Span } from './content-spans.ts'

/** The parts of a tokenizer that encode a conversation. */
export interface ChatModel {
  /** The rendering by the model's chat template. Throws `chat_template_failed`. */
  render(conversation: Conversation): RenderedChat
  /** Control tokens that the template writes become ids, and everything else is text. */
  pieces(rendered: RenderedChat): readonly EncodedPiece[]
  bytesOf(id: number): Uint8Array
  /** Tokens of the longest sequence that can be scored. */
  readonly maxTokens: number
}

/**
 * Encodes a conversation as a training run does, with the control tokens of the template as ids and everything else as
 * text. `generatedRoles` are the roles that the model writes.
 *
 * Throws `chat_template_failed` if contents cannot be located in the rendering, `boundary_not_exact` if the tokens do
 * not spell it, and `context_length_exceeded`.
 */
export function encodeConversation(conversation: Conversation, generatedRoles: readonly string[], model: ChatModel): EncodedConversation {
  const { messages } = conversation
  const rendered = model.render(conversation)
  const text = rendered.text.value
  const spans = messageSpans(messages.length, rendered.text, rendered.sources)
  const isLost = ({ role, content }: ChatMessage, index: number): boolean => generatedRoles.includes(role) && isFilled(content) && spans[index] === null
  const isInOrder = areInOrder(spans)
  if (generatedRoles.length > 0 && (!isInOrder || messages.some(isLost))) {
    throw new ServiceError(
      'chat_template_failed',
      'this chat template moves, repeats or leaves out the content of a message, so logpr cannot assign tokens to messages; render the conversation yourself and send it as segments'
    )
  }
  const { ids, starts } = encodeRendering(rendered, model)
  if (starts === null) throw misspelt()
  // Each answer costs two more renderings below.
  if (ids.length > model.maxTokens)
    throw new ServiceError(
      'context_length_exceeded',
      `the rendered conversation has ${ids.length} tokens, and ${model.maxTokens} are possible: shorten messages, tools and documents`,
      { param: 'messages' }
    )

  const byteAt = (position: number): number => Buffer.byteLength(text.slice(0, position))
  const contents = spans.map((span, index): ContentBytes | null => {
    if (span === null || !isInOrder) return null
    const isGenerated = generatedRoles.includes(messages[index]?.role ?? '')
    const prompt = isGenerated ? promptBefore(conversation, index, true, model) : null
    const isPreserved = prompt !== null && prompt.length <= span.start && text.startsWith(prompt)
    if (!isPreserved) return { start: byteAt(span.start), end: byteAt(span.end), promptEnd: null }
    // What the template writes behind its prompt, such as <think>, is the model's to generate.
    const isOpened = text.slice(prompt.length, span.start).trim() !== '' && prompt !== promptBefore(conversation, index, false, model)
    return { start: byteAt(isOpened ? prompt.length : span.start), end: byteAt(span.end), promptEnd: byteAt(prompt.length) }
  })
  const generations = rendered.generations?.map(({ start, end }) => ({ start: byteAt(start), end: byteAt(end) })) ?? null
  return { text, ids: Int32Array.from(ids), starts: Int32Array.from(starts), contents, generations, warnings: rendered.warnings }
}

/**
 * Encodes a conversation and finds the tokens of its last message. Throws `chat_template_failed`, and
 * `boundary_not_exact` as `encodeConversation` does.
 */
export function encodeAnswer(conversation: Conversation, model: ChatModel): EncodedAnswer {
  const rendered = model.render(conversation)
  const { ids, starts } = encodeRendering(rendered, model)
  const span = messageSpans(conversation.messages.length, rendered.text, rendered.sources).at(-1) ?? null
  if (span !== null && starts === null) throw misspelt()
  return {
    ids: Int32Array.from(ids),
    answer: span === null || starts === null ? null : tokensOf(span, rendered.text.value, starts),
    warnings: rendered.warnings
  }
}

/** Indices of the tokens that contain text of a span. */
function tokensOf(span: Span, text: string, starts: readonly number[]): { readonly start: number; readonly end: number } {
  const [from, to] = [span.start, span.end].map((position) => Buffer.byteLength(text.slice(0, position))) as [number, number]
  const end = starts.findIndex((start) => start >= to)
  const after = starts.findIndex((start) => start > from)
  return { start: after - 1, end }
}

/** Ids of a rendered conversation, and the first byte of each with the length of the text, if the tokens spell it. */
function encodeRendering(rendered: RenderedChat, model: ChatModel): { readonly ids: readonly number[]; readonly starts: readonly number[] | null } {
  const ids: number[] = []
  const starts: number[] = []
  let bytes = 0
  let isSpelt = true
  for (const piece of model.pieces(rendered)) {
    const pieceText = rendered.text.value.slice(piece.start, piece.end)
    const own = startsIn(piece, pieceText, model)
    isSpelt &&= own !== null
    for (const start of own ?? []) starts.push(bytes + start)
    for (const id of piece.ids) ids.push(id)
    bytes += Buffer.byteLength(pieceText)
  }
  return { ids, starts: isSpelt ? [...starts, bytes] : null }
}

/** First byte of each token, counted from the start of the piece: (n,). Null if the tokens do not spell the text. */
function startsIn({ token, ids }: EncodedPiece, text: string, { bytesOf }: ChatModel): number[] | null {
  // An added token spans the white space that it takes.
  if (token !== null) return [0]
  return tokenStarts(ids.map(bytesOf), Buffer.from(text))?.slice(0, -1) ?? null
}

function misspelt(): ServiceError {
  return new ServiceError(
    'boundary_not_exact',
    "the tokens of the rendered conversation do not spell it, because the tokenizer's normalizer changes the text, so logpr cannot assign tokens to messages; send token ids as x and y"
  )
}

function isFilled(content: ChatMessage['content']): boolean {
  if (content === undefined || content === null) return false
  return typeof content === 'string' ? content.trim() !== '' : content.some(({ text }) => text.trim() !== '')
}

/** The messages before the one at `index`; null if the template rejects a conversation that ends there. */
function promptBefore(conversation: Conversation, index: number, addGenerationPrompt: boolean, model: ChatModel): string | null {
  try {
    return model.render({ ...conversation, messages: conversation.messages.slice(0, index), addGenerationPrompt, continuedField: null }).text.value
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'chat_template_failed') return null
    throw error
  }
}
