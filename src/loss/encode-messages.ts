import { elementAt } from '../element-at.ts'
import { textsOf } from '../encoding/conversation-input.ts'
import type { EncodingContext } from '../encoding/encoding-context.ts'
import { checkedInput } from '../encoding/item-input.ts'
import type { Finding } from '../scoring/loss/findings.ts'
import type { ContentBytes, Conversation, EncodedConversation } from '../tokenizer/tokenizer.ts'
import { encodeGenerations, warningFindings } from './encode-generations.ts'
import { encodeRegions } from './encode-regions.ts'
import type { EncodedExample } from './encoded-example.ts'
import type { Region } from './regions.ts'
import type { LossInput, LossOptions } from './request.ts'

const SPACE = 0x20

/**
 * Encodes a conversation in the model's chat template and trains the contents of the trained roles. A token that
 * includes white space between the generation prompt and a content is trained with it, because the model has to
 * generate it.
 *
 * Throws `chat_template_failed`, `boundary_not_exact`, and as `encodeRegions` does.
 */
export async function encodeMessages(
  { conversation, trainOn, mask }: Extract<LossInput, { form: 'messages' }>,
  options: LossOptions,
  context: EncodingContext
): Promise<EncodedExample> {
  for (const text of textsOf(conversation)) checkedInput(text, 'messages', { boundary: 'auto', onOverflow: 'error', parseSpecialTokens: false }, context)
  const chat = await context.tokenizer.encodeConversation(conversation, trainOn, { maxTokens: context.maxModelLen })
  if (mask === 'generation') return encodeGenerations(chat, options, context)
  const { messages, continuedField } = conversation
  const contents = chat.contents.flatMap((content, i) =>
    content === null ? [] : [{ content, isFirst: i === 0, isTrained: trainOn.includes(messages[i]?.role ?? '') }]
  )
  const trained = contents.flatMap(({ content, isTrained }) => (isTrained ? [content] : []))
  const { specials } = context.tokenizer.info
  const ends = trained.map(({ end }) => endAfter(end, chat, context))
  const isLastTrained = contents.at(-1)?.isTrained === true && chat.contents.at(-1) !== null && continuedField === null
  const missingEnds = continuedField === null ? ends : ends.slice(0, -1)
  return encodeRegions(
    {
      text: chat.text,
      ids: chat.ids,
      starts: chat.starts,
      regions: regionsOf(contents, chat),
      ends: ends.filter((index) => index !== null),
      canAppendEnd: isLastTrained && ends.at(-1) === null,
      controlTokenCount: chat.ids.filter((id) => specials.has(id)).length,
      controlTokensWanted: true,
      findings: [
        ...prefixFinding(contents.filter(({ isTrained, isFirst }) => isTrained && !isFirst)),
        ...endFinding(missingEnds),
        ...toolCallFinding(conversation, trainOn),
        ...warningFindings(chat)
      ],
      param: 'messages'
    },
    options,
    context
  )
}

interface PlacedContent {
  readonly content: ContentBytes
  readonly isFirst: boolean
  readonly isTrained: boolean
}

function regionsOf(contents: readonly PlacedContent[], { text }: EncodedConversation): Region[] {
  const bytes = Buffer.from(text)
  const regions: Region[] = []
  let at = 0
  for (const { content, isTrained } of contents) {
    const { promptEnd } = content
    const isBlank = promptEnd !== null && bytes.subarray(promptEnd, content.start).toString().trim() === ''
    const lead = isTrained && isBlank ? Math.max(at, promptEnd) : content.start
    regions.push(
      { start: at, end: lead, reason: 'template' },
      { start: lead, end: content.start, reason: 'lead' },
      { start: content.start, end: content.end, reason: isTrained ? 'completion' : 'prompt' }
    )
    at = content.end
  }
  return [...regions, { start: at, end: bytes.length, reason: 'template' }]
}

/**
 * Index of the control token that the template writes after a content and optional spaces; null when it writes none.
 */
function endAfter(end: number, { ids, starts }: EncodedConversation, { tokenizer }: EncodingContext): number | null {
  let index = starts.findIndex((start) => start >= end)
  while (index < ids.length) {
    const id = elementAt(ids, index)
    if (tokenizer.info.specials.has(id)) return index
    if (!tokenizer.bytesOf(id).every((byte) => byte === SPACE)) return null
    index++
  }
  return null
}

/** `trained` excludes a first message, before which many templates render nothing. */
function prefixFinding(trained: readonly PlacedContent[]): Finding[] {
  const broken = trained.filter(({ content }) => content.promptEnd === null).length
  if (broken === 0) return []
  return [
    {
      code: 'template_not_prefix_preserving',
      severity: 'warning',
      message:
        `before ${broken} of ${trained.length} trained messages the generation prompt is not a prefix of the rendered conversation: ` +
        'the model is trained on a different text than it has to continue. Use a chat template whose turns start with its generation prompt'
    }
  ]
}

function endFinding(ends: readonly (number | null)[]): Finding[] {
  const missing = ends.filter((index) => index === null).length
  if (missing === 0) return []
  return [
    {
      code: 'template_missing_end',
      severity: 'warning',
      message:
        `the chat template writes no control token after ${missing} of ${ends.length} trained messages, so nothing there teaches the model to stop. ` +
        'Use a template that ends each turn with one'
    }
  ]
}

function toolCallFinding({ messages }: Conversation, trainOn: readonly string[]): Finding[] {
  const count = messages.filter((message) => trainOn.includes(message.role) && Array.isArray(message.tool_calls) && message.tool_calls.length > 0).length
  if (count === 0) return []
  return [
    {
      code: 'tool_calls_masked',
      severity: 'warning',
      message:
        `the tool calls of ${count} trained messages are masked, because only the template knows where they end. ` +
        'To train them, use mask "generation" with a template that has {% generation %} blocks'
    }
  ]
}
