import { elementAt } from '../element-at.ts'
import type { EncodingContext } from '../encoding/encoding-context.ts'
import { sameBytes } from '../encoding/token-text.ts'
import { ServiceError } from '../errors.ts'
import { type Check, check } from '../scoring/checks/check.ts'
import { type Finding, straddleFinding } from '../scoring/loss/findings.ts'
import type { Reason } from '../scoring/loss/labels.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { EncodedExample } from './encoded-example.ts'
import { leadBytesAt, type Region, reasonsOf, trainedBytes } from './regions.ts'
import type { LossOptions } from './request.ts'

const SPACE = 0x20

/** One text that was tokenized as a whole, and what is to be learned of it. */
export interface RegionedText {
  readonly text: string
  readonly ids: Int32Array
  /** First byte of each token, then the length of the text: (n + 1,) */
  readonly starts: ArrayLike<number>
  readonly regions: readonly Region[]
  /** End tokens that stand in the text after trained regions: indexes of `ids`. */
  readonly ends: readonly number[]
  /** Whether the end of the text is the end of a trained region without an end token. */
  readonly canAppendEnd: boolean
  readonly controlTokenCount: number
  readonly controlTokensWanted: boolean
  readonly findings: readonly Finding[]
  /** The request's field that has the text. */
  readonly param: string
}

/**
 * Labels a text by its regions, puts the prefix token in front and an end token behind. Throws `empty_completion`,
 * `no_prefix_token`, `no_end_token`, `context_length_exceeded`.
 */
export function encodeRegions(
  text: RegionedText,
  { eos, prefixToken }: LossOptions,
  { tokenizer, maxModelLen, vocabSize, prefixTokenId }: EncodingContext
): EncodedExample {
  const { param } = text
  if (text.ids.length === 0) throw new ServiceError('empty_completion', `${param} hold no text: there is nothing to score`, { param })
  const prefix = prefixToken === 'none' ? null : prefixTokenId
  // A template that writes the prefix token itself must not get a second one.
  const isOwn = prefix !== null && text.ids[0] === prefix
  const added = prefix === null || isOwn ? [] : [prefix]
  const { endId } = tokenizer.info
  const ownReasons = reasonsOf(text.starts, text.regions)
  // Parsed control tokens may bring the end token.
  const endsItself = text.ids.at(-1) === endId && ownReasons.at(-1) === 'completion'
  const canAppend = text.canAppendEnd && !endsItself
  const wantsEnd = eos === 'score' && canAppend
  if (wantsEnd && endId === null) throw new ServiceError('no_end_token', 'this model has no end-of-sequence token to train', { param: 'eos' })
  const appended = wantsEnd && endId !== null ? [endId] : []

  const ids = Int32Array.from([...added, ...text.ids, ...appended])
  if (ids.length === 1) throw new ServiceError('no_prefix_token', `${param} are a single token and nothing precedes it, so it has no probability`, { param })
  if (ids.length > maxModelLen)
    throw new ServiceError('context_length_exceeded', `this sequence has ${ids.length} tokens; this model's context is ${maxModelLen} tokens`, { param })

  const reasons: Reason[] = [...added.map((): Reason => 'bos'), ...ownReasons, ...appended.map((): Reason => 'eos')]
  if (isOwn) reasons[0] = 'bos'
  const ends = [...text.ends.map((index) => index + added.length), ...(endsItself || appended.length > 0 ? [ids.length - 1] : [])]
  if (endsItself || eos === 'score') for (const position of ends) reasons[position] = 'eos'
  const straddles = reasons.flatMap((reason, position) => (reason === 'straddle' ? [position] : []))
  const prefixSize = added.length + (isOwn ? 1 : 0)
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
      // A text whose tokens do not spell it, or that the normalizer changed, was refused before.
      spelling: { x: { match: 'exact' }, y: { match: 'unknown' }, isMisplaced: false },
      normalization: { x: { match: 'exact' }, y: { match: 'unknown' } },
      straddlingToken: null,
      boundaryIsKnown: true,
      controlTokenCount: text.controlTokenCount,
      controlTokensWanted: text.controlTokensWanted
    },
    boundary: regionCheck(straddles),
    endPositions: ends,
    absentEndId: canAppend && ends.length === 0 ? endId : null,
    spellsCompletion: spellsTrained(text, ownReasons, tokenizer),
    strayControlTokens: text.controlTokensWanted
      ? 0
      : ids.filter((id, position) => reasons[position] === 'completion' && tokenizer.info.specials.has(id)).length,
    findings: [...straddleFinding(straddles), ...text.findings]
  }
}

/** Whether the tokens that are trained as text spell the trained regions: their own bytes against those of the text. */
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
  // A SentencePiece tokenizer puts a space in front of every text.
  return sameBytes(spelled, wanted) || (spelled[0] === SPACE && sameBytes(spelled.subarray(1), wanted))
}

function regionCheck(straddles: readonly number[]): Check {
  const [first] = straddles
  if (first === undefined) return check('boundary', 'pass', 'no token holds both trained and masked text', { independent: true })
  return check('boundary', 'warn', `${straddles.length} tokens hold both trained and masked text, the first at position ${first}; they are masked`, {
    independent: true,
    value: first
  })
}
