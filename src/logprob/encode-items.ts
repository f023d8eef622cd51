import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { wellFormedCheck } from '../scoring/checks/input-checks.ts'
import type { PartSizes } from '../scoring/scored-sequence.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { moveTrailingSpace, type SplitIds, splitAtBoundary, startsWith } from './boundary.ts'
import type { EncodedItem, Warning } from './encoded-item.ts'
import type { LogprobItem, LogprobOptions, TextOrIds } from './options.ts'
import { bytesOfIds, codePointCount, displayText, sameBytes } from './text-length.ts'

/** What encoding has to know of the model. */
export interface EncodingContext {
  readonly tokenizer: Tokenizer
  readonly vocabSize: number
  /** Most tokens of a sequence, prefix token included. */
  readonly maxModelLen: number
  /** The token that precedes every text under `prefix_token: auto`; null when the model has none. */
  readonly prefixTokenId: number | null
}

/** An item on its way: what of x is fixed as ids, and what of x and y is still text. */
interface Draft {
  readonly item: LogprobItem
  /** Ids of x that no text can merge with: sent as ids, or a conversation up to its last control token. */
  readonly headIds: Int32Array
  readonly xText: string
  readonly y: TextOrIds
  readonly fromTemplate: boolean
  readonly movedSpace: boolean
}

/**
 * Turns items into token ids under the boundary policy. One entry an item, in order: the encoded item, or why it cannot
 * be scored. Equal texts are tokenized once.
 */
export async function encodeItems(items: readonly LogprobItem[], options: LogprobOptions, context: EncodingContext): Promise<(EncodedItem | ServiceError)[]> {
  const drafts = await Promise.all(items.map((item) => orError(() => draftOf(item, options, context))))
  const ids = new TextIds(context.tokenizer, options.parseSpecialTokens)
  await ids.add(drafts.flatMap((draft) => (draft instanceof ServiceError ? [] : textsTogether(draft))))
  await ids.add(drafts.flatMap((draft) => (draft instanceof ServiceError ? [] : textsApart(draft, ids))))
  return Promise.all(
    drafts.map((draft) =>
      orError(() => {
        if (draft instanceof ServiceError) throw draft
        return encoded(draft, ids, options, context)
      })
    )
  )
}

async function orError<T>(make: () => T | Promise<T>): Promise<T | ServiceError> {
  try {
    return await make()
  } catch (error) {
    return serviceErrorFrom(error)
  }
}

async function draftOf(item: LogprobItem, options: LogprobOptions, context: EncodingContext): Promise<Draft> {
  const y = checked(item.y, item.param.y, options, context)
  const base = { item, y, headIds: new Int32Array(0), xText: '', fromTemplate: false, movedSpace: false }
  if (typeof item.x === 'object' && 'messages' in item.x) {
    for (const { content } of item.x.messages) checked(content, item.param.x, options, context)
    const { headIds, tail } = await context.tokenizer.encodeChat(item.x.messages)
    return { ...base, headIds, xText: tail, fromTemplate: true }
  }
  const x = checked(item.x, item.param.x, options, context)
  if (typeof x !== 'string') return { ...base, headIds: Int32Array.from(x) }
  if (options.boundary !== 'move_space' || typeof y !== 'string') return { ...base, xText: x }
  const moved = moveTrailingSpace(x, y)
  return { ...base, xText: moved.x, y: moved.y, movedSpace: moved.x !== x }
}

/** The text or ids as they came, or an error that says what is wrong with them. */
function checked(value: TextOrIds, param: string, { boundary, onOverflow }: LogprobOptions, { tokenizer, vocabSize, maxModelLen }: EncodingContext): TextOrIds {
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
  const leastTokens = Math.ceil(Buffer.byteLength(value) / tokenizer.facts.maxTokenBytes)
  if (onOverflow === 'error' && !tokenizer.facts.hasNormalizer && leastTokens > maxModelLen) {
    throw new ServiceError('context_length_exceeded', `${param} has at least ${leastTokens} tokens; this model's context is ${maxModelLen} tokens`, { param })
  }
  return value
}

function textsTogether({ xText, y }: Draft): string[] {
  return typeof y === 'string' ? [xText, xText + y] : [xText]
}

/** y by itself is needed only where it merges with x. */
function textsApart({ xText, y }: Draft, ids: TextIds): string[] {
  return typeof y === 'string' && !startsWith(ids.of(xText + y), ids.of(xText)) ? [y] : []
}

function encoded(draft: Draft, textIds: TextIds, options: LogprobOptions, context: EncodingContext): EncodedItem {
  const { item, headIds, xText, y } = draft
  const { tokenizer, maxModelLen } = context
  const split = splitDraft(draft, textIds, options, tokenizer)
  const prefix = options.prefixToken === 'none' ? null : context.prefixTokenId
  const wholeX = Int32Array.from([...headIds, ...split.x])
  // A template that writes the prefix token itself must not get a second one.
  const ownX = draft.fromTemplate && prefix !== null && wholeX[0] === prefix ? wholeX.slice(1) : wholeX
  const eos = endToken(options, tokenizer)
  if (split.y.length + eos.length === 0)
    throw new ServiceError(
      'empty_completion',
      `${item.param.y} is empty: there is nothing to score; send a text, or eos: "score" to score the end of the sequence`,
      { param: item.param.y }
    )
  if (prefix === null && ownX.length === 0)
    throw new ServiceError('no_prefix_token', `${item.param.x} is empty and no prefix token precedes it, so the first token of y has no probability`, {
      param: item.param.x
    })

  const x = fitted(ownX, (prefix === null ? 0 : 1) + split.y.length + eos.length, draft, options, maxModelLen)
  const droppedTokens = ownX.length - x.length
  const ids = Int32Array.from([...(prefix === null ? [] : [prefix]), ...x, ...split.y, ...eos])
  const sizes: PartSizes = { prefix: prefix === null ? 0 : 1, x: x.length, y: split.y.length, eos: eos.length }
  const userIds = draft.fromTemplate ? split.y : Int32Array.from([...ownX, ...split.y])
  const isText = typeof y === 'string' && headIds.length === 0
  const decoded = bytesOfIds(tokenizer, wholeX)

  return {
    ids,
    sizes,
    boundary: split.boundary,
    lengths: {
      x: lengthsOf(x.length, droppedTokens === 0 && headIds.length === 0 ? xText : displayText(droppedTokens === 0 ? decoded : bytesOfIds(tokenizer, x))),
      y: lengthsOf(split.y.length, typeof y === 'string' ? y : displayText(bytesOfIds(tokenizer, split.y)))
    },
    facts: {
      ids,
      sizes,
      vocabSize: context.vocabSize,
      maxModelLen,
      droppedTokens,
      decodesExactly: isText ? sameBytes(bytesOfIds(tokenizer, Int32Array.from([...wholeX, ...split.y])), Buffer.from(xText + y)) : null,
      straddlingToken: split.boundary.straddling_token ?? null,
      boundaryIsKnown: split.boundary.policy !== 'tokens',
      controlTokenCount: userIds.reduce((count, id) => count + (tokenizer.facts.specials.has(id) ? 1 : 0), 0),
      controlTokensWanted: options.parseSpecialTokens || !isText
    },
    wellFormed: wellFormedCheck(true),
    warnings: warningsOf(split, droppedTokens, sizes),
    ...scoredRange(sizes, droppedTokens > 0 ? new Set(['conditional']) : options.terms)
  }
}

function splitDraft({ headIds, xText, y, movedSpace }: Draft, textIds: TextIds, options: LogprobOptions, tokenizer: Tokenizer): SplitIds {
  const x = textIds.of(xText)
  if (typeof y !== 'string') return { x, y: Int32Array.from(y), boundary: { policy: 'tokens', merged: false } }
  // Nothing can merge with ids; y is text of its own after them.
  if (xText === '' && headIds.length > 0) return { x, y: textIds.of(y), boundary: { policy: 'tokens', merged: false } }
  const joint = textIds.of(xText + y)
  const split = splitAtBoundary(xText, { x, joint, y: startsWith(joint, x) ? new Int32Array(0) : textIds.of(y) }, options.boundary, tokenizer)
  if (!movedSpace) return split
  return { ...split, boundary: { ...split.boundary, policy: 'moved_space', scored: { x: xText, y } } }
}

function endToken({ eos }: LogprobOptions, { facts }: Tokenizer): number[] {
  if (eos === 'none') return []
  if (facts.endId === null) throw new ServiceError('no_end_token', 'this model has no end-of-sequence token to score', { param: 'eos' })
  return [facts.endId]
}

/** x as it fits beside `otherTokens`; nothing is left out unless the caller asked for it. */
function fitted(x: Int32Array, otherTokens: number, { item }: Draft, { onOverflow }: LogprobOptions, maxModelLen: number): Int32Array {
  const total = otherTokens + x.length
  if (total <= maxModelLen) return x
  if (onOverflow === 'truncate_left' && otherTokens < maxModelLen) return x.slice(total - maxModelLen)
  throw new ServiceError(
    'context_length_exceeded',
    `this sequence has ${total} tokens (x ${x.length}, y and control tokens ${otherTokens}); this model's context is ${maxModelLen} tokens`,
    {
      param: item.param.x
    }
  )
}

function lengthsOf(tokens: number, text: string): { tokens: number; chars: number; bytes: number } {
  return { tokens, chars: codePointCount(text), bytes: Buffer.byteLength(text) }
}

function warningsOf({ boundary }: SplitIds, droppedTokens: number, sizes: PartSizes): Warning[] {
  const warnings: Warning[] = []
  if (boundary.merged)
    warnings.push({
      code: 'boundary_merged',
      message: `x+y taken together has the token ${JSON.stringify(boundary.straddling_token?.text)} (id ${boundary.straddling_token?.id}) across the end of x; x and y were tokenized apart`
    })
  if (droppedTokens > 0)
    warnings.push({ code: 'truncated_left', message: `the first ${droppedTokens} tokens of x were left out to fit the context; joint and marginal are null` })
  if (sizes.prefix === 0)
    warnings.push({ code: 'conditional_on_first_token', message: 'no prefix token precedes the text: joint and marginal leave the first token out' })
  return warnings
}

function scoredRange(sizes: PartSizes, terms: ReadonlySet<string>): { scoredStart: number; scoredEnd: number } {
  const xStart = Math.max(1, sizes.prefix)
  const xEnd = sizes.prefix + sizes.x
  const end = xEnd + sizes.y + sizes.eos
  return {
    scoredStart: terms.has('joint') || terms.has('marginal') ? xStart : xEnd,
    scoredEnd: terms.has('joint') || terms.has('conditional') ? end : xEnd
  }
}

/** Ids by text, so that one x with a hundred y is tokenized once. */
class TextIds {
  readonly #tokenizer: Tokenizer
  readonly #parseSpecialTokens: boolean
  readonly #ids = new Map<string, Int32Array>()

  constructor(tokenizer: Tokenizer, parseSpecialTokens: boolean) {
    this.#tokenizer = tokenizer
    this.#parseSpecialTokens = parseSpecialTokens
  }

  async add(texts: readonly string[]): Promise<void> {
    const fresh = [...new Set(texts)].filter((text) => !this.#ids.has(text))
    const ids = await this.#tokenizer.encode(fresh, { parseSpecialTokens: this.#parseSpecialTokens })
    fresh.forEach((text, i) => this.#ids.set(text, ids[i] ?? new Int32Array(0)))
  }

  of(text: string): Int32Array {
    const ids = this.#ids.get(text)
    if (ids === undefined) throw new Error('a text was asked for before it was tokenized')
    return ids
  }
}
