import { elementAt } from '../element-at.ts'
import { ServiceError } from '../errors.ts'
import { MASKED_LABEL } from '../scoring/loss/labels.ts'

/** A row of a training batch as a body has it. */
export interface CollatedRow {
  readonly input_ids?: readonly number[]
  readonly labels?: readonly number[]
  readonly attention_mask?: readonly number[]
}

/** The fields of a row, for messages. */
interface RowParams {
  readonly ids: string
  readonly labels: string
  readonly mask: string
}

/** A row of a training batch without its padding. `labels` has an entry per id. */
export interface LabelledIds {
  readonly ids: readonly number[]
  readonly labels: readonly number[]
  /** Number of tokens that were removed at each end. */
  readonly padding: { readonly left: number; readonly right: number }
  readonly params: RowParams
}

/** `suffix` is the place of the row in a batch of rows, such as `/3`. Throws `invalid_request`, naming the field. */
export function labelledIdsOf({ input_ids: ids, labels, attention_mask: mask }: CollatedRow, suffix: string): LabelledIds {
  const params: RowParams = { ids: `input_ids${suffix}`, labels: `labels${suffix}`, mask: `attention_mask${suffix}` }
  if (ids === undefined) throw invalid('input_ids', 'input_ids is missing: send the ids to which the labels and the attention mask belong')
  if (labels === undefined) throw invalid('labels', 'labels is missing: send one label per id of input_ids, -100 where a token is masked')
  if (ids.length === 0) throw invalid(params.ids, `${params.ids} is empty: send at least two token ids`)
  if (labels.length !== ids.length) throw unequal(params.labels, labels.length, params.ids, ids.length)
  if (mask !== undefined && mask.length !== ids.length) throw unequal(params.mask, mask.length, params.ids, ids.length)
  const strange = labels.findIndex((label) => label < 0 && label !== MASKED_LABEL)
  if (strange >= 0)
    throw invalid(
      `${params.labels}/${strange}`,
      `${params.labels}/${strange} is negative but not ${MASKED_LABEL}, so transformers fails or scores another token: mask tokens with ${MASKED_LABEL}`
    )
  const { start, end } = attendedRange(mask ?? ids.map(() => 1), params)
  const trained = labels.findIndex((label, position) => label !== MASKED_LABEL && (position < start || position >= end))
  if (trained >= 0)
    throw invalid(
      `${params.labels}/${trained}`,
      `${params.labels}/${trained} trains a token whose attention_mask is 0, so padding would count in the loss: label padding ${MASKED_LABEL}, or correct the mask`
    )
  return { ids: ids.slice(start, end), labels: labels.slice(start, end), padding: { left: start, right: ids.length - end }, params }
}

/** The one run of ones in a mask. */
function attendedRange(mask: readonly number[], { mask: param }: RowParams): { readonly start: number; readonly end: number } {
  const start = mask.indexOf(1)
  if (start < 0) throw invalid(param, `${param} has no 1, so the row is only padding: leave the row out`)
  const end = mask.lastIndexOf(1) + 1
  const hole = mask.slice(start, end).findIndex((value) => value !== 1)
  if (hole < 0) return { start, end }
  throw invalid(
    `${param}/${start + hole}`,
    `${param}/${start + hole} is ${elementAt(mask, start + hole)} between ones; only padding at the ends of a row can be masked: send packed texts as rows of their own`
  )
}

function unequal(param: string, length: number, other: string, otherLength: number): ServiceError {
  return invalid(param, `${param} has ${length} entries and ${other} has ${otherLength}: a collator pads both to the same length, so send them from one batch`)
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
