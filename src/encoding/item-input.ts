import { ServiceError } from '../errors.ts'
import type { ChatMessage, Tokenizer } from '../tokenizer/tokenizer.ts'
import { moveTrailingSpace } from './boundary.ts'

/** How x and y become tokens and what is asked of them; the names and meanings of the contract. */
export interface LogprobOptions {
  readonly boundary: 'auto' | 'strict' | 'move_space' | 'tokens'
  readonly prefixToken: 'auto' | 'none'
  readonly eos: 'none' | 'score'
  readonly parseSpecialTokens: boolean
  readonly onOverflow: 'error' | 'truncate_left'
  readonly terms: ReadonlySet<Term>
  readonly detail: 'summary' | 'tokens'
  readonly topLogprobs: number
  readonly verify: 'standard' | 'deep'
}

export type Term = 'joint' | 'marginal' | 'conditional'
export const TERMS: readonly Term[] = ['joint', 'marginal', 'conditional']

/** Text or token ids as a caller sends them. */
export type TextOrIds = string | readonly number[]

/** One (x, y) to score. `param` is the path of its pair in the request, for error messages. */
export interface LogprobItem {
  /** Position among the results of the request. */
  readonly index: number
  /** Position of y among the outputs of its x. */
  readonly candidate: number
  readonly id: string | null
  readonly x: TextOrIds | { readonly messages: readonly ChatMessage[] }
  readonly y: TextOrIds
  readonly param: { readonly x: string; readonly y: string }
}

/** What holds when a caller says nothing: the contract's defaults. */
export const DEFAULT_OPTIONS: LogprobOptions = {
  boundary: 'auto',
  prefixToken: 'auto',
  eos: 'none',
  parseSpecialTokens: false,
  onOverflow: 'error',
  terms: new Set(TERMS),
  detail: 'summary',
  topLogprobs: 0,
  verify: 'standard'
}

/** What encoding has to know of the model. */
export interface EncodingContext {
  readonly tokenizer: Tokenizer
  readonly vocabSize: number
  /** Most tokens of a sequence, prefix token included. */
  readonly maxModelLen: number
  /** The token that precedes every text under `prefix_token: auto`; null when the model has none. */
  readonly prefixTokenId: number | null
  /** How far two passes over one token may differ, nats. */
  readonly toleranceNats: number
  /** Whether logits should use the precision of float32. */
  readonly claimsFloat32: boolean
}

/** An item on its way: what of x is fixed as ids, and what of x and y is still text. */
export interface ItemInput {
  readonly item: LogprobItem
  /** Ids of x that no text can merge with: sent as ids, or a conversation up to its last control token. */
  readonly headIds: Int32Array
  readonly xText: string
  readonly y: TextOrIds
  readonly fromTemplate: boolean
  readonly movedSpace: boolean
}

/**
 * Looks at an item before it is tokenized. Throws `invalid_text`, `token_out_of_range`, `context_length_exceeded` or
 * `invalid_request`, naming the field.
 */
export async function itemInputOf(item: LogprobItem, options: LogprobOptions, context: EncodingContext): Promise<ItemInput> {
  const y = checkedInput(item.y, item.param.y, options, context)
  const base = { item, y, headIds: new Int32Array(0), xText: '', fromTemplate: false, movedSpace: false }
  if (typeof item.x === 'object' && 'messages' in item.x) {
    for (const { role, content } of item.x.messages) for (const text of [role, content]) checkedInput(text, item.param.x, options, context)
    const { headIds, tail } = await context.tokenizer.encodeChat(item.x.messages)
    return { ...base, headIds, xText: tail, fromTemplate: true }
  }
  const x = checkedInput(item.x, item.param.x, options, context)
  if (typeof x !== 'string') return { ...base, headIds: Int32Array.from(x) }
  if (options.boundary !== 'move_space' || typeof y !== 'string') return { ...base, xText: x }
  const moved = moveTrailingSpace(x, y)
  return { ...base, xText: moved.x, y: moved.y, movedSpace: moved.x !== x }
}

/** The text or ids as they came, or an error that says what is wrong with them. Throws as `draftOf` does. */
export function checkedInput(
  value: TextOrIds,
  param: string,
  { boundary, onOverflow, parseSpecialTokens }: Pick<LogprobOptions, 'boundary' | 'onOverflow' | 'parseSpecialTokens'>,
  { tokenizer, vocabSize, maxModelLen }: EncodingContext
): TextOrIds {
  if (typeof value !== 'string') {
    const bad = value.find((id) => id < 0 || id >= vocabSize)
    if (bad === undefined) return value
    throw new ServiceError('token_out_of_range', `${param} holds token id ${bad}; this model's ids run from 0 to ${vocabSize - 1}`, { param })
  }
  if (boundary === 'tokens')
    throw new ServiceError('invalid_request', `${param} is text, but boundary is tokens: send token ids, or use boundary auto`, { param })
  if (!value.isWellFormed())
    throw new ServiceError(
      'invalid_text',
      `${param} holds a lone surrogate (half of a UTF-16 pair), which no tokenizer can represent; check how the text was cut or decoded`,
      { param }
    )

  // Refused before it is tokenized, which would take seconds: a token spells at most so many bytes.
  const { maxTokenBytes, specials } = tokenizer.info
  const spellings = parseSpecialTokens ? [...specials.values()] : []
  const mostBytes = spellings.reduce((most, spelling) => Math.max(most, Buffer.byteLength(spelling)), maxTokenBytes)
  const leastTokens = Math.ceil(Buffer.byteLength(value) / mostBytes)
  if (onOverflow === 'error' && !tokenizer.info.hasNormalizer && leastTokens > maxModelLen) {
    throw new ServiceError('context_length_exceeded', `${param} has at least ${leastTokens} tokens; this model's context is ${maxModelLen} tokens`, { param })
  }
  return value
}
