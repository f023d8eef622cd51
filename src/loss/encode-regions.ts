import { elementAt } from '../element-at.ts'
import type { EncodingContext } from '../encoding/encoding-context.ts'
import { assertReachable } from '../encoding/item-input.ts'
import { sameBytes } from '../encoding/token-text.ts'
import { ServiceError } from '../errors.ts'
import { type Check, check } from '../scoring/checks/check.ts'
import { type Finding, partlyMarkedFinding, straddleFinding } from '../scoring/loss/findings.ts'
import type { Reason } from '../scoring/loss/labels.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { EncodedExample } from './encoded-example.ts'
import { leadBytesAt, type Region, reasonsOf, trainedBytes } from './regions.ts'
import type { LossOptions } from './request.ts'

const SPACE = 0x20

/** One text that was tokenized as a whole, and the regions of it that are trained. */
export interface RegionedText {
  readonly text: string
  readonly ids: Int32Array
  /** First byte of each token, then the length of the text: (n + 1,) */
  readonly starts: ArrayLike<number>
  readonly regions: readonly Region[]
  /** Indices in `ids` of the end tokens that follow trained regions in the text. */
  readonly ends: readonly number[]
  /** Whether the text ends with a trained region without an end token. */
  readonly canAppendEnd: boolean
  readonly controlTokenCount: number
  readonly controlTokensWanted: boolean
  /** Whether a token with both trained and masked text is trained. It is masked by default. */
  readonly trainsStraddles?: boolean
  readonly findings: readonly Finding[]
  /** The request field with the text. */
  readonly param: string
}

/**
 * Labels the tokens of a text by its regions, and adds the prefix token and an end token. Throws `empty_completion`,
 * `no_prefix_token`, `no_end_token` or `context_length_exceeded`.
 */
export function encodeRegions(text: RegionedText, { eos, prefixToken }: LossOptions, context: EncodingContext): EncodedExample {
  const { tokenizer, maxModelLen, vocabSize, prefixTokenId } = context
  const { param } = text
  if (text.ids.length === 0)
    throw new ServiceError('empty_completion', `${param} contain no text, so there is nothing to score: send at least one non-empty text`, { param })
  const prefix = prefixToken === 'none' ? null : prefixTokenId
  // A chat template may write the prefix token itself; the sequence must not start with two.
  const hasOwnPrefix = prefix !== null && text.ids[0] === prefix
  const added = prefix === null || hasOwnPrefix ? [] : [prefix]
  const { endId } = tokenizer.info
  const labelled = reasonsOf(text.starts, text.regions)
  const trainsStraddles = text.trainsStraddles === true
  const ownReasons = labelled.map((reason): Reason => (reason === 'straddle' && trainsStraddles ? 'completion' : reason))
  // With parse_special_tokens the text may end with the end token.
  const endsItself = text.ids.at(-1) === endId && ownReasons.at(-1) === 'completion'
  const canAppend = text.canAppendEnd && !endsItself
  const wantsEnd = eos === 'score' && canAppend
  if (wantsEnd && endId === null)
    throw new ServiceError('no_end_token', 'this model has no end-of-sequence token to train: set eos to "none"', { param: 'eos' })
  const appended = wantsEnd && endId !== null ? [endId] : []

  const ids = Int32Array.from([...added, ...text.ids, ...appended])
  assertReachable(ids, param, context)
  if (ids.length === 1)
    throw new ServiceError('no_prefix_token', `${param} are a single token that nothing precedes, so it has no probability: send more text`, { param })
  if (ids.length > maxModelLen)
    throw new ServiceError(
      'context_length_exceeded',
      `this sequence has ${ids.length} tokens; this model's context is ${maxModelLen} tokens: shorten the text`,
      { param }
    )

  const reasons: Reason[] = [...added.map((): Reason => 'bos'), ...ownReasons, ...appended.map((): Reason => 'eos')]
  if (hasOwnPrefix) reasons[0] = 'bos'
  const ends = [...text.ends.map((index) => index + added.length), ...(endsItself || appended.length > 0 ? [ids.length - 1] : [])]
  if (endsItself || eos === 'score') for (const position of ends) reasons[position] = 'eos'
  const straddles = labelled.flatMap((reason, index) => (reason === 'straddle' ? [index + added.length] : []))
  const prefixSize = added.length + (hasOwnPrefix ? 1 : 0)
  return {
    ids,
    reasons,
    inputInfo: {
      ids,
      sizes: { prefix: prefixSize, x: ids.length - prefixSize - appended.length, y: 0, eos: appended.length },
      vocabSize,
      maxModelLen,
      droppedTokens: 0,
      xTokens: ids.length - prefixSize - appended.length,
      // A text that its tokens do not spell, or that the normalizer changed, was rejected before.
      spelling: { x: { match: 'exact' }, y: { match: 'unknown' }, isMisplaced: false },
      normalization: { x: { match: 'exact' }, y: { match: 'unknown' } },
      straddlingToken: null,
      boundaryIsKnown: true,
      controlTokenCount: text.controlTokenCount,
      controlTokensWanted: text.controlTokensWanted
    },
    boundary: regionCheck(straddles, trainsStraddles),
    endPositions: ends,
    absentEndId: canAppend && ends.length === 0 ? endId : null,
    spellsCompletion: trainsStraddles && (straddles.length > 0 || tokenizer.info.hasNormalizer) ? null : spellsTrained(text, ownReasons, tokenizer),
    strayControlTokens: text.controlTokensWanted
      ? 0
      : ids.filter((id, position) => reasons[position] === 'completion' && tokenizer.info.specials.has(id)).length,
    findings: [...(trainsStraddles ? partlyMarkedFinding(straddles) : straddleFinding(straddles)), ...text.findings]
  }
}

/**
 * Whether the trained text tokens spell the trained regions: compares the bytes of the tokens with those of the text.
 */
function spellsTrained({ ids, starts, text, regions }: RegionedText, reasons: readonly Reason[], tokenizer: Tokenizer): boolean {
  const { specials } = tokenizer.info
  const wanted = trainedBytes(Buffer.from(text), regions)
  const leads = regions.filter(({ reason }) => reason === 'lead')
  const spelled = Buffer.concat(
    Array.from(ids, (id, i) => {
      if (reasons[i] !== 'completion') return Buffer.of()
      const bytes = specials.has(id) ? Buffer.from(specials.get(id) ?? '') : tokenizer.bytesOf(id)
      return bytes.subarray(leadBytesAt(elementAt(starts, i), leads))
    })
  )
  // A SentencePiece tokenizer adds a leading space.
  return sameBytes(spelled, wanted) || (spelled[0] === SPACE && sameBytes(spelled.subarray(1), wanted))
}

function regionCheck(straddles: readonly number[], areTrained: boolean): Check {
  const [first] = straddles
  if (first === undefined) return check('boundary', 'pass', 'no token contains both trained and masked text', { independent: true })
  return check(
    'boundary',
    'warn',
    `${straddles.length} tokens contain both trained and masked text, the first at position ${first}; they are ${areTrained ? 'trained' : 'masked'}`,
    {
      independent: true,
      value: first
    }
  )
}
