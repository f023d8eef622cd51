import { elementAt } from '../element-at.ts'
import type { EncodingContext } from '../encoding/encoding-context.ts'
import { ServiceError } from '../errors.ts'
import type { Finding } from '../scoring/loss/findings.ts'
import type { ContentBytes, EncodedConversation } from '../tokenizer/tokenizer.ts'
import { encodeRegions } from './encode-regions.ts'
import type { EncodedExample } from './encoded-example.ts'
import type { Region } from './regions.ts'
import type { LossOptions } from './request.ts'

type Range = Pick<ContentBytes, 'start' | 'end'>

/**
 * Trains what the `{% generation %}` blocks of the chat template write, end tokens included: the tokens of
 * transformers' `return_assistant_tokens_mask`, which TRL uses for `assistant_only_loss`.
 *
 * Throws `chat_template_failed` if the template has no such blocks, and as `encodeRegions` does.
 */
export function encodeGenerations(chat: EncodedConversation, options: LossOptions, context: EncodingContext): EncodedExample {
  const { generations, ids } = chat
  if (generations === null)
    throw new ServiceError(
      'chat_template_failed',
      'mask generation needs a chat template with {% generation %} blocks outside of macros, and this one has none: use train_on, or start logpr with --chat-template FILE and a template for training',
      { param: 'mask' }
    )
  const { specials } = context.tokenizer.info
  const ends = generations.flatMap((range) => endOf(range, chat, context) ?? [])
  return encodeRegions(
    {
      text: chat.text,
      ids,
      starts: chat.starts,
      regions: regionsOf(generations, chat),
      ends,
      canAppendEnd: false,
      controlTokenCount: ids.filter((id) => specials.has(id)).length,
      controlTokensWanted: true,
      trainsStraddles: true,
      findings: warningFindings(chat),
      param: 'messages'
    },
    { ...options, eos: 'score' },
    context
  )
}

/** What the chat template ignored, as findings. */
export function warningFindings({ warnings }: EncodedConversation): Finding[] {
  return warnings.map(({ code, message }) => ({ code, severity: 'warning', message }))
}

/** The control token at the end of a range, before white space; null if there is none. */
function endOf({ start, end }: Range, { ids, starts }: EncodedConversation, { tokenizer }: EncodingContext): number | null {
  for (let index = starts.subarray(0, -1).findLastIndex((from) => from < end); index >= 0 && elementAt(starts, index) >= start; index--) {
    const id = elementAt(ids, index)
    if (tokenizer.info.specials.has(id)) return index
    if (Buffer.from(tokenizer.bytesOf(id)).toString().trim() !== '') return null
  }
  return null
}

/** The blocks are completions; elsewhere, contents are prompts and the rest is the template's. */
function regionsOf(generations: readonly Range[], { text, contents }: EncodedConversation): Region[] {
  const regions: Region[] = []
  let at = 0
  const mask = (end: number): void => {
    for (const content of contents) {
      if (content === null || content.end <= at || content.start >= end) continue
      regions.push({ start: at, end: Math.max(at, content.start), reason: 'template' })
      regions.push({ start: Math.max(at, content.start), end: Math.min(end, content.end), reason: 'prompt' })
      at = Math.min(end, content.end)
    }
    regions.push({ start: at, end, reason: 'template' })
    at = end
  }
  for (const { start, end } of generations) {
    mask(Math.max(at, start))
    regions.push({ start: at, end: Math.max(at, end), reason: 'completion' })
    at = Math.max(at, end)
  }
  mask(Buffer.byteLength(text))
  return regions
}
