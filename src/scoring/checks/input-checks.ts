import type { PartSizes } from '../scored-sequence.ts'
import { type Check, check } from './check.ts'

/** What is known of how the text became the ids that were scored. */
export interface InputFacts {
  readonly ids: Int32Array
  readonly sizes: PartSizes
  readonly vocabSize: number
  readonly maxModelLen: number
  /** Tokens of x that were left out at the caller's wish. */
  readonly droppedTokens: number
  /** Null when the caller sent ids and there is no text to compare with. */
  readonly decodesExactly: boolean | null
  /** Null when nothing could straddle: the caller sent ids, or the tokens of x begin those of x+y. */
  readonly straddlingToken: { readonly id: number; readonly text: string } | null
  readonly boundaryIsKnown: boolean
  /** Control tokens inside x and y, and whether the caller asked for them (ids, parse_special_tokens, a template). */
  readonly controlTokenCount: number
  readonly controlTokensWanted: boolean
}

/** C11: the tokens of x are the first tokens of x+y. */
export function boundaryCheck({ boundaryIsKnown, straddlingToken }: InputFacts): Check {
  if (!boundaryIsKnown) return check('boundary', 'skipped', 'x or y was sent as token ids, so there is no text whose tokens could merge')
  if (straddlingToken === null) return check('boundary', 'pass', 'the tokens of x are the first tokens of x+y', { independent: true })
  return check(
    'boundary',
    'warn',
    `x+y taken together has the token ${JSON.stringify(straddlingToken.text)} (id ${straddlingToken.id}) across the end of x; x and y were tokenized apart, which is not how the model saw such text in training: move the end of x to a word boundary`,
    { independent: true, value: straddlingToken.id }
  )
}

/** C12: the scored tokens spell the text that was sent. */
export function roundTripCheck({ decodesExactly }: InputFacts): Check {
  if (decodesExactly === null) return check('round_trip', 'skipped', 'token ids were sent, so there is no text to compare with')
  if (decodesExactly) return check('round_trip', 'pass', 'the scored tokens spell exactly the text that was sent', { independent: true })
  return check('round_trip', 'warn', "the scored tokens spell a different text: the tokenizer's normalizer changed it, or it has no token for a character", {
    independent: true
  })
}

/** C13: every id is in the model's vocabulary. */
export function tokenRangeCheck({ ids, vocabSize }: InputFacts): Check {
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

/** C14: control tokens only where they belong, and one prefix token. */
export function controlTokensCheck({ ids, sizes, controlTokenCount, controlTokensWanted }: InputFacts): Check {
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

/** C15: the sequence fits the model's context and nothing was cut off. */
export function lengthCheck({ ids, maxModelLen, droppedTokens }: InputFacts): Check {
  const finding = { independent: true, value: ids.length, tolerance: maxModelLen }
  if (ids.length > maxModelLen) return check('length', 'fail', `${ids.length} tokens are more than the context of ${maxModelLen}`, finding)
  if (droppedTokens === 0) return check('length', 'pass', 'the whole text was scored', finding)
  return check(
    'length',
    'warn',
    `the first ${droppedTokens} tokens of x were left out to fit the context; log Pr(y|x) is conditioned on the rest of x`,
    finding
  )
}

/** C17: the first token has a probability only after a prefix token. */
export function firstTokenCheck({ sizes }: InputFacts): Check {
  if (sizes.prefix === 1) return check('first_token', 'pass', 'a prefix token precedes the text, so its first token has a probability', { independent: true })
  return check('first_token', 'warn', 'no prefix token precedes the text: its first token has no probability, and joint and marginal are conditional on it', {
    independent: true
  })
}

/** C28: texts are well-formed Unicode; one that is not is refused before it is scored. */
export function wellFormedCheck(isWellFormed: boolean): Check {
  return isWellFormed
    ? check('well_formed', 'pass', 'the text is well-formed Unicode', { independent: true })
    : check('well_formed', 'fail', 'the text holds a lone surrogate, which no tokenizer can represent', { independent: true })
}
