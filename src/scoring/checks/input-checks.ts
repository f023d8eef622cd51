import type { PartSizes } from '../scored-sequence.ts'
import { type Check, check } from './check.ts'

/**
 * Result of comparing the bytes of a part; `atByte` counts from the start of the part, `unknown` means that there was
 * no text.
 */
export type Comparison = { readonly match: 'exact' } | { readonly match: 'different'; readonly atByte: number } | { readonly match: 'unknown' }

/** How the input of one item became the scored ids. */
export interface InputInfo {
  readonly ids: Int32Array
  readonly sizes: PartSizes
  readonly vocabSize: number
  readonly maxModelLen: number
  /** Tokens of x that were truncated, as the request allows. */
  readonly droppedTokens: number
  /** Tokens of x before truncation. */
  readonly xTokens: number
  /**
   * Bytes of the tokens of each part against its normalized text. `isMisplaced`: the bytes of both parts together
   * match, but not those of each part.
   */
  readonly spelling: { readonly x: Comparison; readonly y: Comparison; readonly isMisplaced: boolean }
  /** Normalized text of each part against the text that was sent. */
  readonly normalization: { readonly x: Comparison; readonly y: Comparison }
  /** Token of x+y that spans the end of x; null if there is none, or if ids were sent. */
  readonly straddlingToken: { readonly id: number; readonly text: string } | null
  readonly boundaryIsKnown: boolean
  /** Control tokens in x and y, without those that a chat template writes. */
  readonly controlTokenCount: number
  /** Whether the request asks for all of them: it sent them as ids, or set `parse_special_tokens`. */
  readonly controlTokensWanted: boolean
  /**
   * Present when the caller sent the whole sequence as ids, to which no prefix token is added: whether they lack the
   * one that the model is otherwise scored with.
   */
  readonly idsLackPrefix?: boolean
}

/** `boundary`. `value` is the id of the token that spans the end of x. */
export function boundaryCheck({ boundaryIsKnown, straddlingToken }: InputInfo): Check {
  if (!boundaryIsKnown) return check('boundary', 'skipped', 'x or y was sent as token ids, so there is no text to tokenize together')
  if (straddlingToken === null) return check('boundary', 'pass', 'the tokens of x are the first tokens of x+y, tokenized as one text', { independent: true })
  return check(
    'boundary',
    'warn',
    `tokenized as one text, x+y has the token ${JSON.stringify(straddlingToken.text)} (id ${straddlingToken.id}) across the end of x; x and y were tokenized separately, which the model has rarely seen in training`,
    { independent: true, value: straddlingToken.id }
  )
}

/**
 * `round_trip`, for each part on its own. `value` is the first byte that differs, counted from the start of its part.
 */
export function roundTripCheck({ spelling }: InputInfo): Check {
  const parts = compareParts(spelling)
  if (parts === null) return check('round_trip', 'skipped', 'x and y were sent as token ids, so there is no text to compare with')
  if (parts.different.length === 0)
    return check('round_trip', 'pass', `the scored tokens of ${parts.compared} spell the tokenized text exactly`, { independent: true })
  const finding = { independent: true, value: parts.firstByte }
  if (spelling.isMisplaced)
    return check('round_trip', 'fail', `a token was counted in the wrong part: the tokens spell x+y, but not x and y separately, ${parts.where}`, finding)
  return check('round_trip', 'warn', `the scored tokens spell a different text, ${parts.where}`, finding)
}

/** `normalizer_unchanged`. `value` is the first byte that differs, counted from the start of its part. */
export function normalizerCheck({ normalization }: InputInfo): Check {
  const parts = compareParts(normalization)
  if (parts === null) return check('normalizer_unchanged', 'skipped', 'x and y were sent as token ids, so there was no text to normalize')
  if (parts.different.length === 0)
    return check('normalizer_unchanged', 'pass', `the tokenizer's normalizer did not change ${parts.compared}`, { independent: true })
  return check('normalizer_unchanged', 'warn', `the tokenizer's normalizer changed the text that was sent, ${parts.where}`, {
    independent: true,
    value: parts.firstByte
  })
}

/** Names the parts that were compared and those that differ; null if neither has text. */
function compareParts(parts: { readonly x: Comparison; readonly y: Comparison }): {
  readonly compared: string
  readonly different: readonly string[]
  readonly firstByte: number | null
  readonly where: string
} | null {
  const known = (['x', 'y'] as const).flatMap((part) => (parts[part].match === 'unknown' ? [] : [{ part, found: parts[part] }]))
  if (known.length === 0) return null
  const different = known.flatMap(({ part, found }) => (found.match === 'different' ? [{ part, atByte: found.atByte }] : []))
  return {
    compared: known.map(({ part }) => part).join(' and '),
    different: different.map(({ part }) => part),
    firstByte: different[0]?.atByte ?? null,
    where: different.map(({ part, atByte }) => `from byte ${atByte} of ${part}`).join(' and ')
  }
}

/** `token_range`. `value` is the largest id. */
export function tokenRangeCheck({ ids, vocabSize }: InputInfo): Check {
  const largest = ids.reduce((most, id) => Math.max(most, id), 0)
  const isInside = ids.every((id) => id >= 0 && id < vocabSize)
  return isInside
    ? check('token_range', 'pass', `all ids are in the vocabulary, from 0 to ${vocabSize - 1}`, { independent: true, value: largest, tolerance: vocabSize - 1 })
    : check('token_range', 'fail', `an id is not in the vocabulary, which goes from 0 to ${vocabSize - 1}`, {
        independent: true,
        value: largest,
        tolerance: vocabSize - 1
      })
}

/** `control_tokens`. `value` is the number of control tokens in x and y. */
export function controlTokensCheck({ ids, sizes, controlTokenCount, controlTokensWanted }: InputInfo): Check {
  const finding = { independent: true, value: controlTokenCount }
  if (sizes.prefix === 1 && sizes.x > 0 && ids[0] === ids[1])
    return check('control_tokens', 'warn', 'x begins with the prefix token, which logpr adds as well, so the model sees it twice', finding)
  if (controlTokenCount === 0) return check('control_tokens', 'pass', 'x and y contain no control tokens', finding)
  if (controlTokensWanted) return check('control_tokens', 'pass', `x and y contain ${controlTokenCount} control tokens, as requested`, finding)
  return check('control_tokens', 'fail', `ordinary text in x or y became ${controlTokenCount} control tokens`, finding)
}

/** `length`. `value` is the number of tokens in the sequence, `tolerance` the context. */
export function lengthCheck({ ids, sizes, maxModelLen, droppedTokens, xTokens }: InputInfo): Check {
  const finding = { independent: true, value: ids.length, tolerance: maxModelLen }
  if (ids.length > maxModelLen) return check('length', 'fail', `the sequence has ${ids.length} tokens, more than the context of ${maxModelLen}`, finding)
  if (droppedTokens + sizes.x !== xTokens)
    return check('length', 'fail', `${sizes.x} tokens of x were scored and ${droppedTokens} were dropped, but x has ${xTokens}`, finding)
  if (droppedTokens === 0) return check('length', 'pass', 'the sequence was scored in full', finding)
  return check('length', 'warn', `the first ${droppedTokens} tokens of x were dropped to fit the context of ${maxModelLen} tokens`, finding)
}

export function firstTokenCheck({ sizes, idsLackPrefix }: InputInfo): Check {
  if (idsLackPrefix === false) return check('first_token', 'skipped', 'the sequence was sent as ids, and no sum includes its first token')
  if (idsLackPrefix === true)
    return check('first_token', 'warn', 'ids do not begin with the prefix token, with which this model scores texts', { independent: true })
  if (sizes.prefix === 1) return check('first_token', 'pass', 'a prefix token precedes the text, so its first token has a probability', { independent: true })
  return check('first_token', 'warn', 'no prefix token precedes the text, so its first token has no probability', {
    independent: true
  })
}

export function wellFormedCheck(isWellFormed: boolean): Check {
  return isWellFormed
    ? check('well_formed', 'pass', 'the text is well-formed Unicode', { independent: true })
    : check('well_formed', 'fail', 'the text contains a lone surrogate, which no tokenizer can represent', { independent: true })
}
