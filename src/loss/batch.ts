import { ServiceError } from '../errors.ts'
import { type Usage, usageSum } from '../evaluation/usage.ts'
import { type BatchLosses, batchConventionsOf } from '../scoring/loss/batch-conventions.ts'
import { diagnoseLoss, type LossDiagnosis } from '../scoring/loss/conventions.ts'
import type { LossAnswer } from './answer.ts'
import type { CollatedRow } from './labelled-ids.ts'
import { type LossBody, type LossRequest, lossRequestOf } from './request.ts'
import { reportedText } from './summary.ts'

type Rows = readonly (readonly number[])[]

/** The body of POST /v1/loss: one example, a list of examples, or the rows of a collated batch. */
export interface LossBatchBody extends Omit<LossBody, keyof CollatedRow> {
  readonly input_ids?: readonly number[] | Rows
  readonly labels?: readonly number[] | Rows
  readonly attention_mask?: readonly number[] | Rows
  readonly examples?: readonly LossBody[]
  readonly detail?: 'tokens' | 'summary'
}

export interface LossBatchRequest {
  readonly requests: readonly LossRequest[]
  /** The place of each example in the body, for messages; empty for rows, whose fields name their place themselves. */
  readonly paths: readonly string[]
  readonly detail: 'tokens' | 'summary'
  /** The loss that a run printed for the whole batch. */
  readonly reportedLoss: number | null
}

/** The answer to a batch: results in input order and what they add up to. */
export interface LossBatchAnswer {
  readonly results: readonly (Omit<LossAnswer, 'usage'> & { readonly index: number })[]
  readonly loss_sum: number
  readonly loss_mean: number | null
  readonly loss_mean_over_examples: number | null
  readonly loss_denominator: number
  readonly trained_tokens: number
  readonly trained_examples: number
  readonly diagnosis: { readonly summary: string; readonly reported_loss?: LossDiagnosis }
  readonly usage: Usage
}

/** The batch of a body; null for one example. Throws as `lossRequestOf` does, and for lists of unequal length. */
export function lossBatchOf(body: LossBatchBody): LossBatchRequest | null {
  const { examples, detail, reported_loss: reportedLoss = null, ...rest } = body
  if (examples !== undefined) {
    const stray = Object.keys(rest).find((field) => field !== 'model')
    if (stray !== undefined) throw invalid(stray, `${stray} cannot be combined with examples: put it into each example`)
    const paths = examples.map((_, i) => `examples/${i}`)
    return { requests: examples.map((example, i) => atPath(paths[i] ?? '', () => lossRequestOf(example))), paths, detail: detail ?? 'summary', reportedLoss }
  }
  const { input_ids: ids, labels, attention_mask: mask, ...options } = rest
  const given = { input_ids: ids, labels, attention_mask: mask }
  const nested = Object.entries(given).flatMap(([field, list]) => (isRows(list, field) ? field : []))
  if (nested.length === 0) {
    if (detail !== undefined) throw invalid('detail', 'detail is for a batch, and one example always has its tokens: leave it out, or send examples')
    return null
  }
  const flat = Object.entries(given).find(([field, list]) => list !== undefined && !nested.includes(field))
  if (flat !== undefined) throw invalid(flat[0], `${flat[0]} is one row, but ${nested[0]} has several: send all fields as rows, or all as one row`)
  const [rows, rowLabels, rowMasks] = [ids, labels, mask] as readonly (Rows | undefined)[]
  if (rows === undefined) throw invalid('input_ids', 'input_ids is missing: send the rows of ids to which the labels belong')
  for (const [field, list] of Object.entries({ labels: rowLabels, attention_mask: rowMasks }))
    if (list !== undefined && list.length !== rows.length)
      throw invalid(field, `${field} has ${list.length} rows and input_ids has ${rows.length}: send the rows of one batch`)
  const requests = rows.map((row, i) => {
    const [own, ownMask] = [rowLabels?.[i], rowMasks?.[i]]
    return lossRequestOf(
      { ...options, input_ids: row, ...(own === undefined ? {} : { labels: own }), ...(ownMask === undefined ? {} : { attention_mask: ownMask }) },
      `/${i}`
    )
  })
  return { requests, paths: rows.map(() => ''), detail: detail ?? 'summary', reportedLoss }
}

/** Whether a list has rows. Throws for one that mixes numbers with rows. */
function isRows(list: readonly (number | readonly number[])[] | undefined, field: string): boolean {
  const rows = (list ?? []).filter((entry) => typeof entry !== 'number').length
  if (rows > 0 && rows !== list?.length) throw invalid(field, `${field} mixes numbers and rows: send one row of numbers, or a list of rows`)
  return rows > 0
}

/** Runs `read`; an error names its field and its place below `path`. */
function atPath<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw placed(error, path)
  }
}

/** The same error, of an example at `path`. */
export function placed(error: unknown, path: string): unknown {
  if (!(error instanceof ServiceError) || path === '') return error
  const { code, message, param, cause, retryAfterSeconds } = error
  return new ServiceError(code, `${path}: ${message}`, {
    param: param === undefined ? path : `${path}/${param}`,
    cause,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds })
  })
}

/** Adds up the answers of a batch. */
export function lossBatchAnswer(answers: readonly LossAnswer[], reportedLoss: number | null): LossBatchAnswer {
  const losses: BatchLosses = answers.map(({ loss_sum, loss_denominator, full_sequence }) => ({
    sum: loss_sum,
    denominator: loss_denominator,
    wholeSum: full_sequence.loss_sum,
    wholeTokens: full_sequence.tokens
  }))
  const total = (pick: (answer: LossAnswer) => number): number => answers.reduce((sum, answer) => sum + pick(answer), 0)
  const means = answers.flatMap(({ loss_mean: mean }) => (mean === null ? [] : [mean]))
  const lossSum = total(({ loss_sum }) => loss_sum)
  const denominator = total(({ loss_denominator }) => loss_denominator)
  const reported = reportedLoss === null ? null : diagnoseLoss(reportedLoss, batchConventionsOf(losses), 'batch_token_mean')
  const trainedTokens = total(({ trained_tokens }) => trained_tokens)
  return {
    results: answers.map(({ usage: _, ...answer }, index) => ({ index, ...answer })),
    loss_sum: lossSum,
    loss_mean: denominator === 0 ? null : lossSum / denominator,
    loss_mean_over_examples: means.length === 0 ? null : means.reduce((sum, mean) => sum + mean, 0) / means.length,
    loss_denominator: denominator,
    trained_tokens: trainedTokens,
    trained_examples: means.length,
    diagnosis: { summary: summaryOf(answers, trainedTokens, reported), ...(reported === null ? {} : { reported_loss: reported }) },
    usage: usageSum(answers.map(({ usage }) => usage))
  }
}

function summaryOf(answers: readonly LossAnswer[], trainedTokens: number, reported: LossDiagnosis | null): string {
  const counts = new Map<string, number>()
  for (const { diagnosis } of answers)
    for (const code of new Set(diagnosis.findings.filter(({ severity }) => severity !== 'note').map((finding) => finding.code)))
      counts.set(code, (counts.get(code) ?? 0) + 1)
  const problems = [...counts].map(([code, count]) => `${code} (${count} of ${answers.length} examples)`)
  return [
    `${trainedTokens} tokens of ${answers.length} examples are trained.`,
    problems.length === 0 ? 'No problem was found in the masks.' : `Problems: ${problems.join(', ')}.`,
    ...(reported === null ? [] : [reportedText(reported)])
  ].join(' ')
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
