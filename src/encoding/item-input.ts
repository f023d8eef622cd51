import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { ChatWarning, TokenizerInfo } from '../tokenizer/tokenizer.ts'
import { moveTrailingSpace } from './boundary.ts'
import { textsOf } from './conversation-input.ts'
import type { EncodingContext } from './encoding-context.ts'
import { type LogprobItem, type LogprobOptions, optionsOf, type TextOrIds } from './logprob-item.ts'
import { assertWellFormed } from './well-formed.ts'

/** A validated item, with x split into ids that are final and text that is still to be tokenized. */
export interface ItemInput {
  readonly item: LogprobItem
  /** Ids of x that no text can merge with: x sent as ids, or a conversation up to its last control token. */
  readonly headIds: Int32Array
  readonly xText: string
  readonly y: TextOrIds
  readonly fromTemplate: boolean
  readonly movedSpace: boolean
  /** What the chat template ignored. */
  readonly warnings: readonly ChatWarning[]
}

/**
 * Validates an item before it is tokenized. Throws `invalid_text`, `token_out_of_range`, `context_length_exceeded` or
 * `invalid_request`, naming the field.
 */
export async function itemInputOf(item: LogprobItem, requested: LogprobOptions, context: EncodingContext): Promise<ItemInput> {
  refuseNotOfIds(item, requested)
  const options = optionsOf(item, requested)
  const y = checkedInput(item.y, item.param.y, options, context)
  const base = { item, y, headIds: new Int32Array(0), xText: '', fromTemplate: false, movedSpace: false, warnings: [] }
  if (typeof item.x === 'object' && 'messages' in item.x) {
    for (const text of textsOf(item.x)) checkedInput(text, item.param.x, options, context)
    const limit = options.onOverflow === 'error' ? { maxTokens: context.maxModelLen } : {}
    const { headIds, tail, warnings } = await context.tokenizer.encodeChat(item.x, limit).catch((error: unknown) => {
      throw withPath(serviceErrorFrom(error), item.param.x)
    })
    if (options.parseSpecialTokens) refuseControls(tail, context)
    return { ...base, headIds, xText: tail, fromTemplate: true, warnings }
  }
  const x = checkedInput(item.x, item.param.x, options, context)
  if (typeof x !== 'string') return { ...base, headIds: new Int32Array(x) }
  if (options.boundary !== 'move_space' || typeof y !== 'string') return { ...base, xText: x }
  const moved = moveTrailingSpace(x, y)
  return { ...base, xText: moved.x, y: moved.y, movedSpace: moved.x !== x }
}

/** Options that would change a sequence of ids, and a sequence without a token to score. */
function refuseNotOfIds({ from, x, y, param }: LogprobItem, { eos, onOverflow, terms }: LogprobOptions): void {
  if (from === undefined) return
  if (eos === 'score')
    throw new ServiceError('invalid_request', 'eos is score, but ids are scored as they are: append the end token to ids, and leave eos out', { param: 'eos' })
  if (onOverflow === 'truncate_left')
    throw new ServiceError('invalid_request', 'on_overflow is truncate_left, but ids are scored as they are: shorten ids, and leave on_overflow out', {
      param: 'on_overflow'
    })
  if (!terms.has('conditional'))
    throw new ServiceError('invalid_request', 'ids have no x and y, and their log-probability is the term conditional: add it to terms, or leave terms out', {
      param: 'terms'
    })
  if (y.length > 0) return
  const count = (x as readonly number[]).length
  const reason = count > 1 ? `from is ${from}, so there is nothing to score: let from be less than ${count}` : 'which has no probability: send two or more'
  throw new ServiceError('empty_completion', `${param.x} has ${count} ${count === 1 ? 'token' : 'tokens'}, ${reason}`, { param: param.x })
}

/** The same error, of which the field is beside the messages at `messagesPath`. */
function withPath(error: ServiceError, messagesPath: string): ServiceError {
  const { code, message, param, cause } = error
  const path = messagesPath.replace(/messages$/, '')
  return path === '' || param === undefined ? error : new ServiceError(code, message, { param: `${path}${param}`, cause })
}

/** The tail of a rendered conversation has no control token of the template: one that it spells is a message's text. */
function refuseControls(tail: string, { tokenizer }: EncodingContext): void {
  if ([...tokenizer.info.specials.values()].some((spelling) => spelling !== '' && tail.includes(spelling)))
    throw new ServiceError(
      'invalid_request',
      'the last message spells a control token, which stays text, but parse_special_tokens would turn it into the token: leave parse_special_tokens out, or send y as token ids',
      { param: 'parse_special_tokens' }
    )
}

/** Returns `value` unchanged. Throws as `itemInputOf` does. */
export function checkedInput(
  value: TextOrIds,
  param: string,
  { boundary, onOverflow, parseSpecialTokens }: Pick<LogprobOptions, 'boundary' | 'onOverflow' | 'parseSpecialTokens'>,
  { tokenizer, vocabSize, maxModelLen }: EncodingContext
): TextOrIds {
  if (typeof value !== 'string') {
    if (onOverflow === 'error' && value.length > maxModelLen) throw tooLong(param, value.length, maxModelLen)
    assertReachable(value, param, { tokenizer, vocabSize })
    return value
  }
  if (boundary === 'tokens')
    throw new ServiceError('invalid_request', `${param} is text, but boundary is tokens: send token ids, or use boundary auto`, { param })
  assertWellFormed(value, param)

  // Tokenizing a text that is far too long would take seconds.
  const minTokens = minTokenCount(value, tokenizer.info, parseSpecialTokens)
  if (onOverflow === 'error' && minTokens > maxModelLen) throw tooLong(param, minTokens, maxModelLen)
  return value
}

function tooLong(param: string, minTokens: number, maxModelLen: number): ServiceError {
  return new ServiceError(
    'context_length_exceeded',
    `${param} has at least ${minTokens} tokens; this model's context is ${maxModelLen} tokens: shorten the text`,
    { param }
  )
}

/**
 * Throws `token_out_of_range` for an id that the model has no logit for. A tokenizer may have such ids: the placeholder
 * of images is one beyond the logits of every text-only Gemma 3.
 */
export function assertReachable(ids: ArrayLike<number>, param: string, { tokenizer, vocabSize }: Pick<EncodingContext, 'tokenizer' | 'vocabSize'>): void {
  const bad = firstOutside(ids, vocabSize)
  if (bad === undefined) return
  const isOfTokenizer = bad >= 0 && bad < tokenizer.info.vocabSize
  throw new ServiceError(
    'token_out_of_range',
    isOfTokenizer
      ? `${param} contains token id ${bad}, which the tokenizer has but the model cannot score, because it has only ${vocabSize} logits per token: remove this token`
      : `${param} contains token id ${bad}; this model's ids range from 0 to ${vocabSize - 1}: use this model's tokenizer`,
    { param }
  )
}

/** A plain loop takes a tenth of the time of `find`, and a list may have a million ids. */
function firstOutside(ids: ArrayLike<number>, vocabSize: number): number | undefined {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number
    if (id < 0 || id >= vocabSize) return id
  }
  return undefined
}

/** Lower bound on the tokens of a text, from its bytes; 0 when a normalizer may shorten it. */
export function minTokenCount(text: string, { maxTokenBytes, specials, hasNormalizer }: TokenizerInfo, parseSpecialTokens: boolean): number {
  if (hasNormalizer) return 0
  const spellings = parseSpecialTokens ? [...specials.values()] : []
  const longest = spellings.reduce((most, spelling) => Math.max(most, Buffer.byteLength(spelling)), maxTokenBytes)
  return Math.ceil(Buffer.byteLength(text) / longest)
}
