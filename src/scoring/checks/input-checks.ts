import type { PartSizes } from '../scored-sequence.ts'
import { type Check, check } from './check.ts'

/** How what was found compares with what was wanted, in bytes from the start of a part; `unknown` where there is no text. */
export type Comparison = { readonly match: 'exact' } | { readonly match: 'different'; readonly atByte: number } | { readonly match: 'unknown' }

/** What is known of how the text became the ids that were scored. */
export interface InputInfo {
  readonly ids: Int32Array
  readonly sizes: PartSizes
  readonly vocabSize: number
  readonly maxModelLen: number
  /** Tokens of x that were left out at the caller's wish. */
  readonly droppedTokens: number
  /** All tokens of x, those that were left out with them. */
  readonly xTokens: number
  /** What the tokens of each part spell beside its text as the normalizer left it; misplaced: both parts together are right, and they are not. */
  readonly spelling: { readonly x: Comparison; readonly y: Comparison; readonly isMisplaced: boolean }
  /** The text of each part as the normalizer left it beside the text that was sent. */
  readonly normalization: { readonly x: Comparison; readonly y: Comparison }
  /** Null when nothing could straddle: the caller sent ids, or the tokens of x begin those of x+y. */
  readonly straddlingToken: { readonly id: number; readonly text: string } | null
  readonly boundaryIsKnown: boolean
  /** Control tokens inside x and y, a template's own aside, and whether each is where the caller wants one: among ids, or parsed on request. */
  readonly controlTokenCount: number
  readonly controlTokensWanted: boolean
}

/** `boundary`: the tokens of x are the first tokens of x+y. */
export function boundaryCheck({ boundaryIsKnown, straddlingToken }: InputInfo): Check {
  if (!boundaryIsKnown) return check('boundary', 'skipped', 'x or y was sent as token ids, so there is no text whose tokens could merge')
  if (straddlingToken === null) return check('boundary', 'pass', 'the tokens of x are the first tokens of x+y', { independent: true })
  return check(
    'boundary',
    'warn',
    `x+y taken together has the token ${JSON.stringify(straddlingToken.text)} (id ${straddlingToken.id}) across the end of x; x and y were tokenized apart, which is not how the model saw such text in training`,
    { independent: true, value: straddlingToken.id }
  )
}

/**
 * `round_trip`: the tokens of x spell x and those of y spell y, each by itself. `value` is the first byte of the part
 * that differs.
 */
export function roundTripCheck({ spelling }: InputInfo): Check {
  const parts = compareParts(spelling)
  if (parts === null) return check('round_trip', 'skipped', 'token ids were sent, so there is no text to compare with')
  if (parts.different.length === 0)
    return check('round_trip', 'pass', `the scored tokens of ${parts.compared} spell exactly the text that was tokenized`, { independent: true })
  const finding = { independent: true, value: parts.firstByte }
  if (spelling.isMisplaced)
    return check('round_trip', 'fail', `a token is counted in the wrong part: x and y are spelled together, but not each by itself, ${parts.where}`, finding)
  return check('round_trip', 'warn', `the scored tokens spell another text, ${parts.where}`, finding)
}

/**
 * `normalizer_unchanged`: the normalizer left the text as it was sent. `value` is the first byte of the part that
 * differs.
 */
export function normalizerCheck({ normalization }: InputInfo): Check {
  const parts = compareParts(normalization)
  if (parts === null) return check('normalizer_unchanged', 'skipped', 'token ids were sent, so there was no text to normalize')
  if (parts.different.length === 0)
    return check('normalizer_unchanged', 'pass', `the tokenizer's normalizer left ${parts.compared} as it was sent`, { independent: true })
  return check('normalizer_unchanged', 'warn', `the scored text is not the text that was sent: the tokenizer's normalizer changed it, ${parts.where}`, {
    independent: true,
    value: parts.firstByte
  })
}

/** Names the parts that were compared and those that differ; null when none was compared. */
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
    where: different.map(({ part, atByte }) => `from byte ${atByte} of ${part} on`).join(' and ')
  }
}

/** `token_range`: every id is in the model's vocabulary. */
export function tokenRangeCheck({ ids, vocabSize }: InputInfo): Check {
  const largest = ids.reduce((most, id) => Math.max(most, id), 0)
  const isInside = ids.every((id) => id >= 0 && id < vocabSize)
  return isInside
    ? check('token_range', 'pass', `every id is below the vocabulary size of ${vocabSize}`, { independent: true, value: largest, tolerance: vocabSize - 1 })
    : check('token_range', 'fail', `an id is outside 0 to ${vocabSize - 1}: the tokenizer belongs to another model`, {
        independent: true,
        value: largest,
        tolerance: vocabSize - 1
      })
}

/** `control_tokens`: control tokens only where they belong, and one prefix token. */
export function controlTokensCheck({ ids, sizes, controlTokenCount, controlTokensWanted }: InputInfo): Check {
  const finding = { independent: true, value: controlTokenCount }
  if (sizes.prefix === 1 && sizes.x > 0 && ids[0] === ids[1])
    return check('control_tokens', 'warn', 'x begins with the prefix token, which is there already: the model sees it twice', finding)
  if (controlTokenCount === 0) return check('control_tokens', 'pass', 'x and y hold no control token', finding)
  if (controlTokensWanted) return check('control_tokens', 'pass', `x and y hold ${controlTokenCount} control tokens, as asked for`, finding)
  return check(
    'control_tokens',
    'fail',
    `${controlTokenCount} control tokens came out of ordinary text: the tokenizer could not be kept from parsing them`,
    finding
  )
}

/** `length`: the sequence fits the model's context and nothing was cut off. */
export function lengthCheck({ ids, sizes, maxModelLen, droppedTokens, xTokens }: InputInfo): Check {
  const finding = { independent: true, value: ids.length, tolerance: maxModelLen }
  if (ids.length > maxModelLen) return check('length', 'fail', `${ids.length} tokens are more than the context of ${maxModelLen}`, finding)
  if (droppedTokens + sizes.x !== xTokens)
    return check('length', 'fail', `${sizes.x} tokens of x were scored and ${droppedTokens} left out, but x has ${xTokens}`, finding)
  if (droppedTokens === 0) return check('length', 'pass', 'the whole text was scored', finding)
  return check(
    'length',
    'warn',
    `the first ${droppedTokens} tokens of x were left out to fit the context; log Pr(y|x) is conditioned on the rest of x`,
    finding
  )
}

/** `first_token`: the first token has a probability only after a prefix token. */
export function firstTokenCheck({ sizes }: InputInfo): Check {
  if (sizes.prefix === 1) return check('first_token', 'pass', 'a prefix token precedes the text, so its first token has a probability', { independent: true })
  return check('first_token', 'warn', 'no prefix token precedes the text: its first token has no probability, and joint and marginal are conditional on it', {
    independent: true
  })
}

/** `well_formed`: texts are well-formed Unicode; one that is not is refused before it is scored. */
export function wellFormedCheck(isWellFormed: boolean): Check {
  return isWellFormed
    ? check('well_formed', 'pass', 'the text is well-formed Unicode', { independent: true })
    : check('well_formed', 'fail', 'the text holds a lone surrogate, which no tokenizer can represent', { independent: true })
}
