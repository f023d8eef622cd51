import { orServiceError, ServiceError } from '../errors.ts'
import { mapInSlices } from '../event-loop.ts'
import type { InputInfo } from '../scoring/checks/input-checks.ts'
import type { PartSizes } from '../scoring/scored-sequence.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { type SplitIds, splitAtBoundary, startsWith } from './boundary.ts'
import type { EncodedItem, Warning } from './encoded-item.ts'
import type { EncodingContext } from './encoding-context.ts'
import { assertReachable, type ItemInput, itemInputOf } from './item-input.ts'
import { type LogprobItem, type LogprobOptions, optionsOf } from './logprob-item.ts'
import { missingSpace, type WordsAtBoundary, wordsAtBoundary } from './missing-space.ts'
import { isMisplaced, type PartIds, partText, spelledParts } from './spelling.ts'
import { TextIds } from './text-ids.ts'
import { codePointCount, displayText } from './token-text.ts'
import { assertSpansFit } from './word-spans.ts'

/**
 * Turns items into token ids under the boundary policy. Returns one entry per item, in order: the encoded item, or the
 * reason why it cannot be scored. Equal texts are tokenized once.
 */
export async function encodeItems(items: readonly LogprobItem[], options: LogprobOptions, context: EncodingContext): Promise<(EncodedItem | ServiceError)[]> {
  const inputs = await Promise.all(await mapInSlices(items, (item) => orServiceError(() => itemInputOf(item, options, context))))
  const valid = inputs.flatMap((input) => (input instanceof ServiceError ? [] : [input]))
  const textIds = new TextIds(context.tokenizer, options.parseSpecialTokens)
  for (const continues of [false, true]) {
    const alike = valid.filter((input) => continuesHead(input) === continues)
    await textIds.add(
      alike.flatMap(({ xText, y }) => (typeof y === 'string' ? [xText, xText + y] : [xText])),
      continues
    )
    // y by itself is needed only where it merges with x.
    const merged = alike.filter(({ xText, y }) => typeof y === 'string' && !startsWith(textIds.of(xText + y, continues), textIds.of(xText, continues)))
    await textIds.add(
      merged.map(({ y }) => y as string),
      true
    )
  }
  const words = valid.flatMap((input) => boundaryWords(input) ?? [])
  await textIds.add(
    words.flatMap(({ glued, spaced }) => [glued, spaced]),
    true
  )
  return Promise.all(
    await mapInSlices(inputs, (input) => (input instanceof ServiceError ? input : orServiceError(() => encodedItem(input, textIds, options, context))))
  )
}

/** The words that x and y put together without a space, as texts of the caller. */
function boundaryWords({ xText, y, fromTemplate }: ItemInput): WordsAtBoundary | null {
  return typeof y === 'string' && !fromTemplate ? wordsAtBoundary(xText, y) : null
}

function spaceWarnings(input: ItemInput, textIds: TextIds): Warning[] {
  const words = boundaryWords(input)
  return words === null ? [] : missingSpace(textIds.of(words.glued, true).length, textIds.of(words.spaced, true).length)
}

function encodedItem(input: ItemInput, textIds: TextIds, requested: LogprobOptions, context: EncodingContext): EncodedItem {
  const options = optionsOf(input.item, requested)
  const { item, headIds, xText, y } = input
  const { tokenizer, maxModelLen } = context
  const split = splitInput(input, textIds, options, tokenizer)
  const prefix = options.prefixToken === 'none' ? null : context.prefixTokenId
  const allX = joined(headIds, split.x)
  if (allX.length > MAX_TRUNCATED_TOKENS)
    throw new ServiceError(
      'context_length_exceeded',
      `${item.param.x} has ${allX.length} tokens; at most ${MAX_TRUNCATED_TOKENS} can be cut to the context of ${maxModelLen} tokens: shorten it`,
      { param: item.param.x }
    )
  // A chat template may write the prefix token itself; the sequence must not start with two.
  const ownX = input.fromTemplate && prefix !== null && allX[0] === prefix ? allX.slice(1) : allX
  const eos = endToken(options, tokenizer)
  assertReachable(ownX, item.param.x, context)
  assertReachable(split.y, item.param.y, context)
  assertReachable(eos, 'eos', context)
  refuseEmpty(input, split.y, eos)
  if (prefix === null && ownX.length === 0)
    throw new ServiceError(
      'no_prefix_token',
      `${item.param.x} is empty and no prefix token precedes it, so the first token of y has no probability: send at least one token before y`,
      { param: item.param.x }
    )

  const droppedTokens = excess(ownX.length, (prefix === null ? 0 : 1) + split.y.length + eos.length, input, options, maxModelLen)
  const ids = joined(prefix === null ? [] : [prefix], ownX.subarray(droppedTokens), split.y, eos)
  const sizes: PartSizes = { prefix: prefix === null ? 0 : 1, x: ownX.length - droppedTokens, y: split.y.length, eos: eos.length }

  const xEnd = sizes.prefix + sizes.x
  // Taken from the scored sequence, so that the checks notice a token in the wrong part.
  const partIds = { dropped: ownX.slice(0, droppedTokens), x: ids.slice(sizes.prefix, xEnd), y: ids.slice(xEnd, xEnd + sizes.y) }
  const spelled = spelledParts(input, split, partIds, textIds, { tokenizer, parseSpecialTokens: options.parseSpecialTokens })
  const text = { x: partText(spelled.x), y: partText(spelled.y) }
  assertSpansFit(item, options, text)
  const isWholeText = spelled.x.text !== null && droppedTokens === 0

  return {
    ids,
    sizes,
    boundary: split.boundary,
    lengths: {
      x: lengthsOf(sizes.x, isWholeText ? xText : displayText(spelled.x.scored)),
      y: lengthsOf(sizes.y, typeof y === 'string' ? y : displayText(spelled.y.scored))
    },
    text,
    inputInfo: {
      ids,
      sizes,
      vocabSize: context.vocabSize,
      maxModelLen,
      droppedTokens,
      xTokens: ownX.length,
      spelling: { x: text.x.spelling, y: text.y.spelling, isMisplaced: isMisplaced(spelled, text) },
      normalization: { x: text.x.normalization, y: text.y.normalization },
      straddlingToken: split.boundary.straddling_token ?? null,
      ...(item.from === undefined ? {} : { idsLackPrefix: context.prefixTokenId !== null && ids[0] !== context.prefixTokenId }),
      boundaryIsKnown: split.boundary.policy !== 'tokens',
      ...controlTokens(input, partIds, options, tokenizer)
    },
    warnings: [...warningsOf(split, droppedTokens, sizes, item), ...spaceWarnings(input, textIds), ...input.warnings],
    ...scoredRange(sizes, droppedTokens > 0 ? new Set(['conditional']) : options.terms)
  }
}

/** Tokens of x that `truncate_left` accepts: each is spelled out before it is dropped. */
const MAX_TRUNCATED_TOKENS = 1_048_576

/** A typed copy: spreading a million ids would block the event loop. */
function joined(...parts: readonly ArrayLike<number>[]): Int32Array {
  const ids = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    ids.set(part, at)
    at += part.length
  }
  return ids
}

function refuseEmpty({ item, y }: ItemInput, yIds: Int32Array, eos: readonly number[]): void {
  const param = item.param.y
  if (yIds.length === 0 && y.length > 0)
    throw new ServiceError('empty_completion', `${param} has no tokens: the tokenizer's normalizer removes the text, or its vocabulary cannot spell it`, {
      param
    })
  if (yIds.length + eos.length === 0)
    throw new ServiceError(
      'empty_completion',
      `${param} is empty, so there is nothing to score: send a text, or set eos to "score" to score the end-of-sequence token`,
      { param }
    )
}

/**
 * Control tokens in x and y, except those of a chat template, and whether all of them come from ids or
 * parse_special_tokens.
 */
function controlTokens(
  { item, y, fromTemplate }: ItemInput,
  ids: PartIds,
  { parseSpecialTokens }: LogprobOptions,
  { info }: Tokenizer
): Pick<InputInfo, 'controlTokenCount' | 'controlTokensWanted'> {
  const count = (part: Int32Array): number => part.reduce((sum, id) => sum + (info.specials.has(id) ? 1 : 0), 0)
  const inX = fromTemplate ? 0 : count(ids.dropped) + count(ids.x)
  const inY = count(ids.y)
  const inText = (typeof item.x === 'string' ? inX : 0) + (typeof y === 'string' ? inY : 0)
  return { controlTokenCount: inX + inY, controlTokensWanted: parseSpecialTokens || inText === 0 }
}

/** Whether a control token of the chat template stands in front of the text. Text behind ids is tokenized by itself. */
function continuesHead({ headIds, fromTemplate }: Pick<ItemInput, 'headIds' | 'fromTemplate'>): boolean {
  return fromTemplate && headIds.length > 0
}

function splitInput({ headIds, xText, y, movedSpace, fromTemplate }: ItemInput, textIds: TextIds, options: LogprobOptions, tokenizer: Tokenizer): SplitIds {
  const continues = continuesHead({ headIds, fromTemplate })
  const x = textIds.of(xText, continues)
  if (typeof y !== 'string') return { x, y: new Int32Array(y), boundary: { policy: 'tokens', merged: false } }
  // Text never merges with ids, so y is tokenized by itself.
  if (xText === '' && headIds.length > 0) return { x, y: textIds.of(y, continues), boundary: { policy: 'tokens', merged: false } }
  const joint = textIds.of(xText + y, continues)
  const texts = { xText: textIds.normalized(xText), x, joint, y: startsWith(joint, x) ? new Int32Array(0) : textIds.of(y, true) }
  const split = splitAtBoundary(texts, options, tokenizer)
  if (!movedSpace) return split
  return { ...split, boundary: { ...split.boundary, policy: 'moved_space', scored: { x: xText, y } } }
}

function endToken({ eos }: LogprobOptions, { info }: Tokenizer): number[] {
  if (eos === 'none') return []
  if (info.endId === null) throw new ServiceError('no_end_token', 'this model has no end-of-sequence token to score: set eos to "none"', { param: 'eos' })
  return [info.endId]
}

/**
 * How many tokens of x do not fit into the context beside `otherTokens`. Throws unless the caller chose
 * `truncate_left`.
 */
function excess(xTokens: number, otherTokens: number, { item }: ItemInput, { onOverflow }: LogprobOptions, maxModelLen: number): number {
  const total = otherTokens + xTokens
  if (total <= maxModelLen) return 0
  if (onOverflow === 'truncate_left' && otherTokens < maxModelLen) return total - maxModelLen
  throw new ServiceError(
    'context_length_exceeded',
    `this sequence has ${total} tokens (x ${xTokens}, y and control tokens ${otherTokens}); this model's context is ${maxModelLen} tokens: shorten the text`,
    { param: item.param.x }
  )
}

function lengthsOf(tokens: number, text: string): { tokens: number; chars: number; bytes: number } {
  return { tokens, chars: codePointCount(text), bytes: Buffer.byteLength(text) }
}

function warningsOf({ boundary }: SplitIds, droppedTokens: number, sizes: PartSizes, { from }: LogprobItem): Warning[] {
  const warnings: Warning[] = []
  if (boundary.merged)
    warnings.push({
      code: 'boundary_merged',
      message: `x+y as one text has the token ${JSON.stringify(boundary.straddling_token?.text)} (id ${boundary.straddling_token?.id}) across the end of x; x and y were tokenized separately`
    })
  if (droppedTokens > 0)
    warnings.push({ code: 'truncated_left', message: `the first ${droppedTokens} tokens of x were dropped to fit the context; joint and marginal are null` })
  if (sizes.prefix === 0 && from === undefined)
    warnings.push({ code: 'conditional_on_first_token', message: 'no prefix token precedes the text, so joint and marginal exclude the first token' })
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
