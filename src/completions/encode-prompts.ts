import { textsOf } from '../encoding/conversation-input.ts'
import type { EncodingContext } from '../encoding/encoding-context.ts'
import { assertReachable, checkedInput, minTokenCount } from '../encoding/item-input.ts'
import { TextIds } from '../encoding/text-ids.ts'
import { ServiceError } from '../errors.ts'
import { isSliceOver, mapInSlices, nextSlice } from '../event-loop.ts'
import type { Conversation, EncodedAnswer } from '../tokenizer/tokenizer.ts'
import type { CompletionsRequest } from './request.ts'

/** A prompt as P token ids. */
export interface EncodedPrompt {
  readonly ids: Int32Array
  /** Ids that the tokenizer's post-processor added at the start; they spell no text of the prompt. */
  readonly addedBefore: number
  /** Ids that it added at the end. */
  readonly addedAfter: number
}

/** `truncate_left` skips the length check of `checkedInput`, which does not know about the generated token. */
const INPUT_OPTIONS = { boundary: 'auto', onOverflow: 'truncate_left', parseSpecialTokens: true } as const

/**
 * Turns prompts into token ids; equal texts are tokenized once. Control tokens spelled in a text become their ids,
 * because harnesses decode ids into text. Token ids are not changed. For the first invalid prompt it throws
 * `invalid_text`, `token_out_of_range`, `invalid_request` (no tokens) or `context_length_exceeded`, naming its index.
 */
export async function encodePrompts({ prompts, options }: CompletionsRequest, context: EncodingContext): Promise<EncodedPrompt[]> {
  const { tokenizer, maxModelLen } = context
  for (const { param, value } of prompts) {
    if (isSliceOver()) await nextSlice()
    checkedInput(value, param, INPUT_OPTIONS, context)
    // Tokenizing a megabyte of text takes seconds.
    const minTokens = typeof value === 'string' ? minTokenCount(value, tokenizer.info, true) : value.length
    if (minTokens > longestPrompt(options.maxTokens, maxModelLen)) throw tooLong(param, minTokens, typeof value === 'string', options.maxTokens, maxModelLen)
  }
  const textIds = new TextIds(tokenizer, true)
  await textIds.add(prompts.flatMap(({ value }) => (typeof value === 'string' ? [value] : [])))

  return mapInSlices(prompts, ({ param, value }) => {
    const encoded = typeof value === 'string' ? withAdded(textIds.of(value), options.addSpecialTokens, context) : unchanged(value)
    assertReachable(encoded.ids, param, context)
    const count = encoded.ids.length
    if (count === 0) throw new ServiceError('invalid_request', `${param} has no tokens: send a text that is not empty`, { param })
    if (count > longestPrompt(options.maxTokens, maxModelLen)) throw tooLong(param, count, false, options.maxTokens, maxModelLen)
    return encoded
  })
}

/** A conversation as token ids, with the tokens of its last message. */
export interface EncodedChatPrompt extends EncodedPrompt {
  readonly answer: EncodedAnswer['answer']
  readonly warnings: EncodedAnswer['warnings']
}

/**
 * Renders a conversation. Only the control tokens that the chat template writes become ids, and the template writes BOS
 * if it wants one. Throws `chat_template_failed` and, naming messages, what `encodePrompts` throws.
 */
export async function encodeChatPrompt(conversation: Conversation, maxTokens: 0 | 1, context: EncodingContext): Promise<EncodedChatPrompt> {
  const { tokenizer, maxModelLen } = context
  const param = 'messages'
  for (const text of textsOf(conversation)) {
    const minTokens = minTokenCount(text, tokenizer.info, false)
    if (minTokens > longestPrompt(maxTokens, maxModelLen)) throw tooLong(param, minTokens, true, maxTokens, maxModelLen)
  }
  const { ids, answer, warnings } = await tokenizer.encodeAnswer(conversation, { maxTokens: longestPrompt(maxTokens, maxModelLen) })
  assertReachable(ids, param, context)
  if (ids.length === 0) throw new ServiceError('invalid_request', 'the chat template renders these messages to nothing: send a message with text', { param })
  if (ids.length > longestPrompt(maxTokens, maxModelLen)) throw tooLong(param, ids.length, false, maxTokens, maxModelLen)
  return { ids, addedBefore: 0, addedAfter: 0, answer, warnings }
}

function unchanged(ids: readonly number[]): EncodedPrompt {
  return { ids: new Int32Array(ids), addedBefore: 0, addedAfter: 0 }
}

/** Adds the tokens of the post-processor, except in front of a text that already starts with them. */
function withAdded(ids: Int32Array, addSpecialTokens: boolean, { tokenizer }: EncodingContext): EncodedPrompt {
  const { before, after } = tokenizer.info.added
  if (!addSpecialTokens || before.length + after.length === 0) return { ids, addedBefore: 0, addedAfter: 0 }
  const head = before.every((id, i) => ids[i] === id) ? [] : before
  return { ids: Int32Array.from([...head, ...ids, ...after]), addedBefore: head.length, addedAfter: after.length }
}

/** The last prompt token is fed only when a token is generated after it. */
function longestPrompt(maxTokens: 0 | 1, maxModelLen: number): number {
  return maxTokens === 1 ? maxModelLen : maxModelLen + 1
}

function tooLong(param: string, tokens: number, isLowerBound: boolean, maxTokens: 0 | 1, maxModelLen: number): ServiceError {
  const longest = longestPrompt(maxTokens, maxModelLen)
  return new ServiceError(
    'context_length_exceeded',
    `this model's maximum context length is ${maxModelLen} tokens (max_model_len), and ${param} has ${isLowerBound ? 'at least ' : ''}${tokens} tokens; ` +
      `with max_tokens ${maxTokens} a prompt may have ${longest}. logpr truncates nothing: shorten it, or set the client's maximum length to ${maxModelLen}`,
    { param }
  )
}
