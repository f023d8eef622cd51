import { SCORING_OUTPUTS } from '../../model/onnx/scoring-graph.ts'
import { type RowProbe, rowProbe } from '../../scoring/row-probe.ts'
import { withToken } from '../checksum.ts'
import type { Batch, RowDetail, RowMeasure, RowScores } from '../engine.ts'
import type { RowPlan } from './feeds.ts'
import type { Tensor } from './onnxruntime.ts'
import type { Pass } from './pass.ts'

type Outputs = Readonly<Record<string, Tensor>>

/**
 * Scores of each sequence from the outputs of the scoring graph, (N, C, 1) each with fill rows at the end. Their
 * checksums are computed from the columns of the pass that the rows were read from.
 */
export function rowScoresOf(outputs: Outputs, { topCount, measures = [] }: Batch, pass: Pass): RowScores[] {
  const bestIds = outputs[SCORING_OUTPUTS.bestId]!.data as BigInt64Array
  return pass.wanted.ofSequence.map((rows) => {
    return {
      logProbs: floatsAt(outputs, SCORING_OUTPUTS.logProb, rows),
      logSumExps: floatsAt(outputs, SCORING_OUTPUTS.logSumExp, rows),
      bestIds: Int32Array.from(rows, (row) => Number(bestIds[row])),
      bestLogProbs: floatsAt(outputs, SCORING_OUTPUTS.bestLogProb, rows),
      detail: topCount === null ? null : detailOf(outputs, topCount, measures, rows),
      checksums: checksumsOf(pass, rows)
    }
  })
}

/** (R,) per row index of a pass the checksum of the tokens its column sees, followed by the token scored there. */
export function checksumsOf({ seenChecksums, wanted: { rows, targets } }: Pass, indices: Int32Array): Int32Array {
  return indices.map((index) => withToken(seenChecksums[rows[index]!]!, targets[index]!))
}

function floatsAt(outputs: Outputs, name: string, indices: ArrayLike<number>): Float32Array {
  const values = outputs[name]!.data as Float32Array
  return Float32Array.from(indices, (index) => values[index]!)
}

function detailOf(outputs: Outputs, topCount: number, measures: readonly RowMeasure[], rows: Int32Array): RowDetail {
  const width = Math.max(1, topCount)
  const topIds = outputs[SCORING_OUTPUTS.topIds]!.data as BigInt64Array
  const topLogProbs = outputs[SCORING_OUTPUTS.topLogProbs]!.data as Float32Array
  return {
    ranks: Int32Array.from(floatsAt(outputs, SCORING_OUTPUTS.higherCount, rows), (higher) => higher + 1),
    entropies: floatsAt(outputs, SCORING_OUTPUTS.entropy, rows),
    probSquareSums: floatsAt(outputs, SCORING_OUTPUTS.probSquares, rows),
    ...(measures.includes('variance') ? { variances: floatsAt(outputs, SCORING_OUTPUTS.variance, rows) } : {}),
    ...(measures.includes('word_starts') ? { wordStarts: floatsAt(outputs, SCORING_OUTPUTS.wordStarts, rows) } : {}),
    topCount,
    topIds: firstOfRows(new Int32Array(rows.length * topCount), (index) => Number(topIds[index])),
    topLogProbs: firstOfRows(new Float32Array(rows.length * topCount), (index) => topLogProbs[index]!)
  }

  /** Fills `into`, (R, topCount), from outputs of `width` columns. It may have half a million values: plain loops. */
  function firstOfRows<T extends Int32Array | Float32Array>(into: T, at: (index: number) => number): T {
    for (const [r, row] of rows.entries()) for (let k = 0; k < topCount; k++) into[r * topCount + k] = at(row * width + k)
    return into
  }
}

/** Examines the raw logits of the probed rows with `rowProbe`, which is independent of the scoring graph. */
export function rowProbesOf(outputs: Outputs, batch: Batch, { C, columns, probedRows }: RowPlan): RowProbe[] {
  if (batch.probe === undefined) return []
  const { textVocabSize } = batch.probe
  const { ids, firstScored } = batch.sequences[0]!
  const logits = outputs[SCORING_OUTPUTS.probeLogits]!
  const logProbs = outputs[SCORING_OUTPUTS.probeLogProbs]!.data as Float32Array
  const V = Number(logits.dims.at(-1))
  return probedRows.map((row) => {
    const start = (Math.floor(row / C) * columns.length + columns.indexOf(row % C)) * V
    const cut = (all: Float32Array): Float32Array => all.subarray(start, start + V)
    return rowProbe(cut(logits.data as Float32Array), cut(logProbs), { ids, position: row + firstScored, textVocabSize })
  })
}

/** Scores of consecutive tokens, with details if the batch asks for them. */
export type Rows = Pick<RowScores, 'logProbs' | 'logSumExps' | 'bestIds' | 'bestLogProbs' | 'detail' | 'checksums'>

/**
 * Joins rows of one sequence that come from several passes or the prefix cache. The result has details if every
 * non-empty part has.
 */
export function joinRows(all: readonly Rows[]): Rows {
  const parts = all.filter(({ logProbs }) => logProbs.length > 0)
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const details = parts.flatMap(({ detail }) => detail ?? [])
  return {
    logProbs: floats(parts, ({ logProbs }) => logProbs),
    logSumExps: floats(parts, ({ logSumExps }) => logSumExps),
    bestIds: integers(parts, ({ bestIds }) => bestIds),
    bestLogProbs: floats(parts, ({ bestLogProbs }) => bestLogProbs),
    checksums: integers(parts, ({ checksums }) => checksums),
    detail: details.length === 0 || details.length < parts.length ? null : joinDetails(details)
  }
}

function joinDetails(details: readonly RowDetail[]): RowDetail {
  return {
    ranks: integers(details, ({ ranks }) => ranks),
    entropies: floats(details, ({ entropies }) => entropies),
    probSquareSums: floats(details, ({ probSquareSums }) => probSquareSums),
    ...(details.every(({ variances }) => variances !== undefined) ? { variances: floats(details, ({ variances }) => variances!) } : {}),
    ...(details.every(({ wordStarts }) => wordStarts !== undefined) ? { wordStarts: floats(details, ({ wordStarts }) => wordStarts!) } : {}),
    topCount: details[0]!.topCount,
    topIds: integers(details, ({ topIds }) => topIds),
    topLogProbs: floats(details, ({ topLogProbs }) => topLogProbs)
  }
}

function floats<P>(parts: readonly P[], valuesOf: (part: P) => Float32Array): Float32Array {
  return joined(new Float32Array(lengthOf(parts, valuesOf)), parts, valuesOf)
}

function integers<P>(parts: readonly P[], valuesOf: (part: P) => Int32Array): Int32Array {
  return joined(new Int32Array(lengthOf(parts, valuesOf)), parts, valuesOf)
}

function lengthOf<P>(parts: readonly P[], valuesOf: (part: P) => ArrayLike<number>): number {
  return parts.reduce((sum, part) => sum + valuesOf(part).length, 0)
}

function joined<P, T extends Int32Array | Float32Array>(into: T, parts: readonly P[], valuesOf: (part: P) => ArrayLike<number>): T {
  let at = 0
  for (const part of parts) {
    const values = valuesOf(part)
    into.set(values, at)
    at += values.length
  }
  return into
}
