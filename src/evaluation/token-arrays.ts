import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { LogprobItem, LogprobOptions } from '../encoding/logprob-item.ts'
import type { RowScores } from '../engine/engine.ts'
import type { ScoredSequence } from '../scoring/scored-sequence.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { partOffsets } from './token-details.ts'

/** The tokens of a sequence under `format: "arrays"`: one array per property, each with an entry per token. */
export interface TokenArrays {
  /** Position in the sequence of the token that the first entry of every array belongs to. */
  readonly from: number
  readonly columns: readonly TokenColumn[]
}

/** Named as in responses. A missing integer is -1, a missing number NaN: no value is either. */
export interface TokenColumn {
  readonly name: ColumnName
  readonly values: Int32Array | Float32Array
  /** Values per token, which follow each other; null where a token has one value and no list. */
  readonly width: number | null
}

type ColumnName = 'ids' | 'log_probs' | 'ranks' | 'entropies' | 'log_prob_stds' | 'byte_starts' | 'byte_ends' | 'top_ids' | 'top_log_probs'

interface ArraysParts {
  readonly item: LogprobItem
  readonly sequence: ScoredSequence
  readonly encoded: EncodedItem
  /** Of the positions from `scoredStart` to `scoredEnd`; null when that range is empty. */
  readonly rows: RowScores | null
  /** Those that apply to this item. */
  readonly options: Pick<LogprobOptions, 'detail' | 'topLogprobs' | 'terms'>
  readonly tokenizer: Tokenizer
}

/**
 * From the first position that the request is about to the last scored one. `detail: "tokens"` adds ranks, entropies,
 * deviations and byte offsets. Copies the scores: those of the engine are views into the scores of a whole batch.
 */
export function tokenArrays({ item, sequence, encoded, rows, options, tokenizer }: ArraysParts): TokenArrays {
  const { scoredStart, scoredEnd, inputInfo } = encoded
  const hasX = inputInfo.droppedTokens === 0 && (options.terms.has('joint') || options.terms.has('marginal'))
  const from = item.from ?? (hasX ? 0 : scoredStart)
  const count = scoredEnd - from
  const unscored = scoredStart - from
  const columns: TokenColumn[] = [
    { name: 'ids', values: sequence.ids.slice(from, scoredEnd), width: null },
    { name: 'log_probs', values: floats(rows?.logProbs), width: null }
  ]
  if (options.detail === 'tokens') {
    const stds = rows?.detail?.variances?.map(Math.sqrt)
    const { starts, ends } = byteRanges(sequence, encoded.text, tokenizer)
    columns.push(
      { name: 'ranks', values: integers(rows?.detail?.ranks), width: null },
      { name: 'entropies', values: floats(rows?.detail?.entropies), width: null },
      { name: 'log_prob_stds', values: floats(stds), width: null },
      { name: 'byte_starts', values: starts.subarray(from, scoredEnd), width: null },
      { name: 'byte_ends', values: ends.subarray(from, scoredEnd), width: null }
    )
  }
  if (options.topLogprobs > 0) {
    const { topIds, topLogProbs, topCount = 0 } = rows?.detail ?? {}
    const width = options.topLogprobs
    columns.push(
      { name: 'top_ids', values: integers(firstOfRows(topIds, topCount, width), width), width },
      { name: 'top_log_probs', values: floats(firstOfRows(topLogProbs, topCount, width), width), width }
    )
  }
  return { from, columns }

  function integers(values: Int32Array | undefined, width = 1): Int32Array {
    return placed(new Int32Array(count * width).fill(-1), values, width)
  }

  function floats(values: Float32Array | undefined, width = 1): Float32Array {
    return placed(new Float32Array(count * width).fill(Number.NaN), values, width)
  }

  function placed<T extends Int32Array | Float32Array>(into: T, values: T | undefined, width: number): T {
    if (values !== undefined) into.set(values, unscored * width)
    return into
  }
}

/** The first `count` of each row of `width`: another job of the batch may have asked for more top tokens. */
function firstOfRows<T extends Int32Array | Float32Array>(values: T | undefined, width: number, count: number): T | undefined {
  if (values === undefined || width === count) return values
  return values.filter((_, i) => i % width < count) as T
}

/**
 * Where the bytes of each token lie in the UTF-8 text of x and y together, by position in the sequence; -1 for tokens
 * that spell none of it.
 */
function byteRanges(sequence: ScoredSequence, text: EncodedItem['text'], tokenizer: Tokenizer): { readonly starts: Int32Array; readonly ends: Int32Array } {
  const starts = new Int32Array(sequence.ids.length).fill(-1)
  const ends = new Int32Array(sequence.ids.length).fill(-1)
  const xBytes = text.x.bytes?.length ?? null
  for (const part of ['x', 'y'] as const) {
    const before = part === 'x' ? 0 : xBytes
    for (const [position, { byte_start, byte_end }] of partOffsets(sequence, part, text[part], tokenizer))
      if (before !== null && byte_start !== null && byte_end !== null) {
        starts[position] = before + byte_start
        ends[position] = before + byte_end
      }
  }
  return { starts, ends }
}
