import type { EncodingContext } from '../encoding/encoding-context.ts'
import { checkedInput } from '../encoding/item-input.ts'
import { TextIds } from '../encoding/text-ids.ts'
import { ServiceError } from '../errors.ts'
import type { CompletionsRequest } from './request.ts'

/** A prompt as P token ids. */
export interface EncodedPrompt {
  readonly ids: Int32Array
  /** How many ids the tokenizer's post-processor put in front; they stand for no text of the prompt. */
  readonly addedBefore: number
  /** How many it put behind. */
  readonly addedAfter: number
}

/** Ids are checked by hand below, which knows about the token that is generated. */
const CHECKED = { boundary: 'auto', onOverflow: 'truncate_left', parseSpecialTokens: true } as const

/**
 * Turns prompts into token ids; equal texts are tokenized once. Control tokens spelled in a text become their ids, as
 * harnesses decode them into it. Ids are taken as they are. Throws, for the first bad prompt, `invalid_text`,
 * `token_out_of_range`, `invalid_request` when it has no tokens, and `context_length_exceeded`, all naming its index.
 */
export async function encodePrompts({ prompts, options }: CompletionsRequest, context: EncodingContext): Promise<EncodedPrompt[]> {
  const { tokenizer, maxModelLen } = context
  for (const { param, value } of prompts) {
    checkedInput(value, param, CHECKED, context)
    // A megabyte of text would be tokenized for seconds only to be refused.
    const least = typeof value === 'string' ? leastTokens(value, context) : value.length
    if (least > longestPrompt(options.maxTokens, maxModelLen)) throw tooLong(param, least, typeof value === 'string', options.maxTokens, maxModelLen)
  }
  const textIds = new TextIds(tokenizer, true)
  await textIds.add(prompts.flatMap(({ value }) => (typeof value === 'string' ? [value] : [])))

  return prompts.map(({ param, value }) => {
    const encoded = typeof value === 'string' ? withAdded(textIds.of(value), options.addSpecialTokens, context) : untouched(value)
    const count = encoded.ids.length
    if (count === 0) throw new ServiceError('invalid_request', `${param} has no tokens: send a text that is not empty`, { param })
    if (count > longestPrompt(options.maxTokens, maxModelLen)) throw tooLong(param, count, false, options.maxTokens, maxModelLen)
    return encoded
  })
}

function untouched(ids: readonly number[]): EncodedPrompt {
  return { ids: Int32Array.from(ids), addedBefore: 0, addedAfter: 0 }
}

/** What the post-processor adds, but not in front of a text that begins with it already. */
function withAdded(ids: Int32Array, addSpecialTokens: boolean, { tokenizer }: EncodingContext): EncodedPrompt {
  const { before, after } = tokenizer.info.added
  if (!addSpecialTokens || before.length + after.length === 0) return { ids, addedBefore: 0, addedAfter: 0 }
  const isThere = before.every((id, i) => ids[i] === id)
  const head = isThere ? [] : before
  return { ids: Int32Array.from([...head, ...ids, ...after]), addedBefore: head.length, addedAfter: after.length }
}

/** The last token of a prompt is fed only when one is generated after it. */
function longestPrompt(maxTokens: 0 | 1, maxModelLen: number): number {
  return maxTokens === 1 ? maxModelLen : maxModelLen + 1
}

function leastTokens(text: string, { tokenizer }: EncodingContext): number {
  const { maxTokenBytes, specials, hasNormalizer } = tokenizer.info
  if (hasNormalizer) return 0
  const mostBytes = [...specials.values()].reduce((most, spelling) => Math.max(most, Buffer.byteLength(spelling)), maxTokenBytes)
  return Math.ceil(Buffer.byteLength(text) / mostBytes)
}

function tooLong(param: string, tokens: number, isLeast: boolean, maxTokens: 0 | 1, maxModelLen: number): ServiceError {
  const most = longestPrompt(maxTokens, maxModelLen)
  return new ServiceError(
    'context_length_exceeded',
    `this model's maximum context length is ${maxModelLen} tokens (max_model_len), and ${param} has ${isLeast ? 'at least ' : ''}${tokens} tokens; ` +
      `with max_tokens ${maxTokens} a prompt may have ${most}. Nothing is truncated: shorten it, or set the client's maximum length to ${maxModelLen}`,
    { param }
  )
}
