import { elementAt } from '../element-at.ts'
import type { EncodingContext } from '../encoding/encoding-context.ts'
import { checkedInput } from '../encoding/item-input.ts'
import { ServiceError } from '../errors.ts'
import { boundaryCheck } from '../scoring/checks/input-checks.ts'
import { endMaskedFinding, type Finding, labelsFinding, paddingFinding } from '../scoring/loss/findings.ts'
import { isTrained, MASKED_LABEL, type Reason } from '../scoring/loss/labels.ts'
import type { EncodedExample } from './encoded-example.ts'
import type { LabelledIds } from './labelled-ids.ts'

/**
 * Labels the tokens of a row of a training batch as the loss of transformers' causal models does: the row of token
 * i - 1 scores label i, -100 masks, and the label of the first token is dropped, because no row predicts it.
 *
 * Throws `context_length_exceeded`, `token_out_of_range` or `no_prefix_token`, naming the field.
 */
export function encodeLabels({ ids: given, labels, padding, params }: LabelledIds, context: EncodingContext): EncodedExample {
  const { tokenizer, vocabSize, maxModelLen, prefixTokenId } = context
  const { endId } = tokenizer.info
  const options = { boundary: 'tokens', onOverflow: 'error', parseSpecialTokens: false } as const
  checkedInput(given, params.ids, options, context)
  // What each row has to predict: the label, or behind a masked label the token itself.
  const wanted = labels.map((label, position) => (label === MASKED_LABEL ? elementAt(given, position) : label))
  checkedInput(wanted, params.labels, options, context)
  if (given.length === 1)
    throw new ServiceError('no_prefix_token', `${params.ids} is a single token that nothing precedes, so it has no loss: send more tokens`, {
      param: params.ids
    })

  const ids = Int32Array.from(given)
  const targets = Int32Array.from(wanted)
  const hasPrefix = prefixTokenId !== null && given[0] === prefixTokenId
  const reasons = labels.map((label, position): Reason => {
    if (position === 0 && hasPrefix) return 'bos'
    if (label === MASKED_LABEL) return 'masked'
    return label === endId ? 'eos' : 'completion'
  })
  const trainedAt = (position: number): boolean => position >= 0 && isTrained(elementAt(reasons, position))
  const ends = reasons.flatMap((reason, position) =>
    reason === 'eos' || (elementAt(given, position) === endId && reason === 'masked' && trainedAt(position - 1)) ? [position] : []
  )
  const differs = targets.some((target, position) => target !== ids[position])
  const inputInfo = {
    ids,
    sizes: { prefix: hasPrefix ? 1 : 0, x: ids.length - (hasPrefix ? 1 : 0), y: 0, eos: 0 },
    vocabSize,
    maxModelLen,
    droppedTokens: 0,
    xTokens: ids.length,
    spelling: { x: { match: 'unknown' }, y: { match: 'unknown' }, isMisplaced: false },
    normalization: { x: { match: 'unknown' }, y: { match: 'unknown' } },
    straddlingToken: null,
    boundaryIsKnown: false,
    controlTokenCount: ids.filter((id) => tokenizer.info.specials.has(id)).length,
    controlTokensWanted: true
  } as const
  return {
    ids,
    reasons,
    inputInfo,
    boundary: boundaryCheck(inputInfo),
    endPositions: ends,
    absentEndId: ends.length === 0 && trainedAt(ids.length - 1) ? endId : null,
    spellsCompletion: null,
    strayControlTokens: 0,
    findings: findingsOf({ given, labels, reasons, ends, startsBehindPadding: padding.left > 0 && labels[0] !== MASKED_LABEL }),
    ...(differs ? { targets } : {}),
    padding
  }
}

interface LabelledRow {
  readonly given: readonly number[]
  readonly labels: readonly number[]
  readonly reasons: readonly Reason[]
  readonly ends: readonly number[]
  readonly startsBehindPadding: boolean
}

function findingsOf({ given, labels, reasons, ends, startsBehindPadding }: LabelledRow): Finding[] {
  const trained = labels.flatMap((label, position) => (label === MASKED_LABEL ? [] : [position]))
  const differing = trained.filter((position) => labels[position] !== given[position]).length
  const hasNext = trained.filter((position) => position + 1 < given.length)
  const next = hasNext.filter((position) => labels[position] === given[position + 1]).length
  return [
    ...labelsFinding({ trained: trained.length, differing, next, hasNext: hasNext.length }),
    ...(startsBehindPadding ? [paddingFinding()] : []),
    ...(ends.some((position) => reasons[position] === 'masked') && !reasons.includes('eos') ? [endMaskedFinding()] : [])
  ]
}
