import type { EncodedItem } from '../encoding/encoded-item.ts'
import { type LogprobOptions, optionsOf, type Term } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import type { Outcome } from '../evaluation/logprob-evaluator.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import type { TokenArrays, TokenColumn } from '../evaluation/token-arrays.ts'
import { isSliceOver, nextSlice } from '../event-loop.ts'
import type { Checks } from '../scoring/checks/check.ts'
import { undefinedStatistics } from '../statistics/statistics.ts'
import { failureOf, type LogprobResult, placeOf, statisticsOfItem } from './result.ts'
import type { ResultLine } from './result-stream.ts'

/** A result of POST /v1/logprob under `format: "arrays"`, without its arrays. */
type ArraysHead = Pick<LogprobResult, 'index' | 'id' | 'candidate' | 'line' | 'log_prob' | 'log_prob_eos' | 'statistics' | 'causal' | 'warnings'> & {
  readonly object: 'logprob.arrays'
  readonly from: number
  /** With the checks that did not pass. */
  readonly checks: Checks
}

/** A result for a binary file: `json` is the result without its arrays, or the failure. */
export interface ArraysLine extends ResultLine {
  readonly sums: { readonly [term in Term]?: number | null }
  /** Null for a failure. */
  readonly arrays: TokenArrays | null
}

/** The result as one line for a binary file, the arrays as they are. */
export async function arraysLine(outcome: Outcome, options: LogprobOptions): Promise<ArraysLine> {
  if ('error' in outcome) return { json: Buffer.from(JSON.stringify(failureOf(outcome.item, outcome.error))), error: outcome.error, sums: {}, arrays: null }
  const head = await headOf(outcome, optionsOf(outcome.item, options))
  return { json: Buffer.from(JSON.stringify(head)), error: null, sums: head.log_prob, arrays: arraysOf(outcome) }
}

/** About how many characters a value takes in JSON: log-probabilities are written in full. */
const JSON_CHARS = { int32: 7, float32: 20 } as const
const VALUE_BYTES = 4

/** About how many bytes the arrays of a response have, before anything is scored. `isFile` is a binary file. */
export function arraysSize(encoded: readonly (EncodedItem | ServiceError)[], options: LogprobOptions, isFile: boolean): number {
  const tokens = encoded.reduce((sum, item) => sum + (item instanceof ServiceError ? 0 : item.scoredEnd - item.scoredStart + 1), 0)
  return tokens * tokenSize(options, isFile)
}

/** About how many bytes the arrays of a token have. */
export function tokenSize({ detail, topLogprobs }: LogprobOptions, isFile: boolean): number {
  const integers = 1 + topLogprobs + (detail === 'tokens' ? 3 : 0)
  const floats = 1 + topLogprobs + (detail === 'tokens' ? 2 : 0)
  return isFile ? (integers + floats) * VALUE_BYTES : integers * JSON_CHARS.int32 + floats * JSON_CHARS.float32
}

/** Characters of JSON that are joined at a time. */
const PIECE_CHARS = 65_536

/**
 * The result as JSON text in UTF-8, with the options that apply to its item. Written in slices: 2,048 tokens with 256
 * top tokens each have a million numbers.
 */
export async function arraysJson(scored: ScoredItem, options: LogprobOptions): Promise<Buffer> {
  const { checks, warnings, ...head } = await headOf(scored, options)
  const pieces: Buffer[] = []
  let text = JSON.stringify(head).slice(0, -1)
  for (const column of arraysOf(scored).columns) {
    text += `,"${column.name}":[`
    for (const part of columnJson(column)) {
      if (isSliceOver()) await nextSlice()
      text += part
      if (text.length < PIECE_CHARS) continue
      pieces.push(Buffer.from(text))
      text = ''
    }
    text += ']'
  }
  pieces.push(Buffer.from(`${text},"checks":${JSON.stringify(checks)},"warnings":${JSON.stringify(warnings)}}`))
  return Buffer.concat(pieces)
}

function arraysOf({ arrays }: ScoredItem): TokenArrays {
  if (arrays === null) throw new Error('the item was scored without format arrays')
  return arrays
}

async function headOf(scored: ScoredItem, { terms, statistics: wanted }: LogprobOptions): Promise<ArraysHead> {
  const { item, sums, checks, causal, warnings } = scored
  const statistics = await statisticsOfItem(scored, wanted)
  return {
    object: 'logprob.arrays',
    ...placeOf(item),
    log_prob: Object.fromEntries([...terms].map((term) => [term, sums[term]])),
    ...(sums.eos === null ? {} : { log_prob_eos: sums.eos }),
    ...(statistics === null ? {} : { statistics }),
    ...(causal === 'approximate' ? { causal } : {}),
    from: arraysOf(scored).from,
    checks: { verdict: checks.verdict, items: checks.items.filter(({ status }) => status === 'warn' || status === 'fail') },
    warnings: statistics === null ? warnings : [...warnings, ...undefinedStatistics(statistics)]
  }
}

/** Tokens of a column that are written at a time. */
const TOKENS_AT_ONCE = 256

function* columnJson({ values, width }: TokenColumn): Generator<string> {
  const step = width ?? TOKENS_AT_ONCE
  for (let at = 0; at < values.length; at += step) {
    const list = jsonOf(values, at, Math.min(values.length, at + step))
    yield `${at === 0 ? '' : ','}${width === null ? list : isMissing(values, at) ? 'null' : `[${list}]`}`
  }
}

function jsonOf(values: TokenColumn['values'], start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) {
    const value = values[at] as number
    text += `${at === start ? '' : ','}${isMissing(values, at) || value === Number.NEGATIVE_INFINITY ? 'null' : value}`
  }
  return text
}

function isMissing(values: TokenColumn['values'], at: number): boolean {
  return values instanceof Int32Array ? values[at] === -1 : Number.isNaN(values[at])
}
