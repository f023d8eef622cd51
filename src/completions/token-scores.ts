import { elementAt } from '../element-at.ts'
import type { RowScores } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'

/** A token with its log-probability in nats as responses show it, a finite number. */
interface TokenScore {
  readonly id: number
  readonly logProb: number
  /** 1 + the number of more probable tokens; null when it was not computed. */
  readonly rank: number | null
}

/** The scores at one position. */
export interface PositionScores {
  readonly token: TokenScore
  /** The most probable first. */
  readonly top: readonly TokenScore[]
}

/** Log-probability that OpenAI and vLLM return for a token of probability 0, because JSON has no infinity. */
export const MIN_LOG_PROB = -9999
/** How far float32 rounding may lift the log-probability of a certain token above 0, nats. */
const ROUNDING_NATS = 1e-5

/** The number that every list of a response shows, so that clients can compare them for equality. */
export function shownLogProb(logProb: number): number {
  return logProb > 0 && logProb <= ROUNDING_NATS ? 0 : Math.max(logProb, MIN_LOG_PROB)
}

/** The scores of the token `id` in one row. */
export function positionScores(rows: RowScores, row: number, id: number): PositionScores {
  return {
    token: { id, logProb: shownLogProb(elementAt(rows.logProbs, row)), rank: rows.detail === null ? null : elementAt(rows.detail.ranks, row) },
    top: topOf(rows, row)
  }
}

/** The scores of the generated token: the most probable one of a row, and the lowest id among equals. */
export function generatedScores(rows: RowScores, row: number): PositionScores {
  return { token: { id: elementAt(rows.bestIds, row), logProb: shownLogProb(elementAt(rows.bestLogProbs, row)), rank: 1 }, top: topOf(rows, row) }
}

function topOf({ detail, bestIds, bestLogProbs }: RowScores, row: number): TokenScore[] {
  // Without detail the request needs at most the best token, which every row has.
  if (detail === null) return [{ id: elementAt(bestIds, row), logProb: shownLogProb(elementAt(bestLogProbs, row)), rank: 1 }]
  // Another job of the batch may have asked for more top tokens; choice.ts shortens the list.
  return Array.from({ length: detail.topCount }, (_, k) => ({
    id: elementAt(detail.topIds, row * detail.topCount + k),
    logProb: shownLogProb(elementAt(detail.topLogProbs, row * detail.topCount + k)),
    rank: k + 1
  }))
}

/**
 * Throws `non_finite_logits` for a row with a NaN or an infinite best token, naming its position in the prompt. A
 * log-probability of minus infinity is allowed: it is shown as `MIN_LOG_PROB`.
 */
export function assertFinite({ logProbs, bestLogProbs, detail }: RowScores, firstPosition: number, param: string): void {
  const bad = logProbs.findIndex((logProb, row) => Number.isNaN(logProb) || logProb === Number.POSITIVE_INFINITY || !Number.isFinite(bestLogProbs[row]))
  const badTop = detail?.topLogProbs.findIndex((logProb) => Number.isNaN(logProb)) ?? -1
  const row = bad >= 0 ? bad : badTop >= 0 ? Math.floor(badTop / (detail?.topCount ?? 1)) : -1
  if (row < 0) return
  throw new ServiceError(
    'non_finite_logits',
    `the model returned no finite log-probability for position ${firstPosition + row} of ${param}: half-precision overflow or damaged weights`,
    { param }
  )
}
