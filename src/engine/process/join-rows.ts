import type { RowDetail, RowScores } from '../engine.ts'

/** The numbers of consecutive tokens; details where they were asked for. */
export type Rows = Pick<RowScores, 'logProbs' | 'logSumExps' | 'bestIds' | 'bestLogProbs' | 'detail'>

/** Rows of one sequence that came in several pieces, as one. Pieces without rows have no say in whether there are details. */
export function joinRows(pieces: readonly Rows[]): Rows {
  const parts = pieces.filter(({ logProbs }) => logProbs.length > 0)
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const details = parts.flatMap(({ detail }) => detail ?? [])
  return {
    logProbs: floats(parts, ({ logProbs }) => logProbs),
    logSumExps: floats(parts, ({ logSumExps }) => logSumExps),
    bestIds: integers(parts, ({ bestIds }) => bestIds),
    bestLogProbs: floats(parts, ({ bestLogProbs }) => bestLogProbs),
    detail: details.length === 0 || details.length < parts.length ? null : joinDetails(details)
  }
}

function joinDetails(details: readonly RowDetail[]): RowDetail {
  return {
    ranks: integers(details, ({ ranks }) => ranks),
    entropies: floats(details, ({ entropies }) => entropies),
    probSquareSums: floats(details, ({ probSquareSums }) => probSquareSums),
    topCount: details[0]?.topCount ?? 0,
    topIds: integers(details, ({ topIds }) => topIds),
    topLogProbs: floats(details, ({ topLogProbs }) => topLogProbs)
  }
}

function floats<P>(parts: readonly P[], valuesOf: (part: P) => Float32Array): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...valuesOf(part)]))
}

function integers<P>(parts: readonly P[], valuesOf: (part: P) => Int32Array): Int32Array {
  return Int32Array.from(parts.flatMap((part) => [...valuesOf(part)]))
}
