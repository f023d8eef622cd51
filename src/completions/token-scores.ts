import { elementAt } from '../element-at.ts'
import type { RowScores } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'

/** A token with its log-probability in nats, as it is given out: a number JSON has. */
export interface TokenScore {
  readonly id: number
  readonly logProb: number
  /** 1 + how many tokens are more probable; null where it was not computed. */
  readonly rank: number | null
}

/** What a row says of the token at its position. */
export interface PositionScores {
  readonly token: TokenScore
  /** The most probable first. */
  readonly top: readonly TokenScore[]
}

/** What OpenAI and vLLM answer for a token of probability 0, which JSON has no number for. */
export const LEAST_LOG_PROB = -9999
/** What float32 rounding may lift the log-probability of a certain token above 0, nats. */
const ROUNDING_NATS = 1e-5

/** One number for all places that show it, so that clients may compare them for equality. */
export function shownLogProb(logProb: number): number {
  return logProb > 0 && logProb <= ROUNDING_NATS ? 0 : Math.max(logProb, LEAST_LOG_PROB)
}

/** The scores of `id` at one row. */
export function positionScores(rows: RowScores, row: number, id: number): PositionScores {
  return {
    token: { id, logProb: shownLogProb(elementAt(rows.logProbs, row)), rank: rows.detail === null ? null : elementAt(rows.detail.ranks, row) },
    top: topOf(rows, row)
  }
}

/** The most probable token of a row, which is what is generated there: of equal ones that with the lowest id. */
export function generatedScores(rows: RowScores, row: number): PositionScores {
  return { token: { id: elementAt(rows.bestIds, row), logProb: shownLogProb(elementAt(rows.bestLogProbs, row)), rank: 1 }, top: topOf(rows, row) }
}

function topOf({ detail, bestIds, bestLogProbs }: RowScores, row: number): TokenScore[] {
  // Every row has the most probable one, which is all that is wanted of such rows at most.
  if (detail === null) return [{ id: elementAt(bestIds, row), logProb: shownLogProb(elementAt(bestLogProbs, row)), rank: 1 }]
  // A batch may have been asked for more by a neighbour; whoever shows them cuts the list.
  return Array.from({ length: detail.topCount }, (_, k) => ({
    id: elementAt(detail.topIds, row * detail.topCount + k),
    logProb: shownLogProb(elementAt(detail.topLogProbs, row * detail.topCount + k)),
    rank: k + 1
  }))
}

/**
 * Throws `non_finite_logits` for a row whose numbers are none, naming its position in the prompt. A token of
 * probability 0 is a number here: clients need one, and get the least that is shown.
 */
export function assertNumbers({ logProbs, bestLogProbs, detail }: RowScores, firstPosition: number, param: string): void {
  const bad = logProbs.findIndex((logProb, row) => Number.isNaN(logProb) || logProb === Number.POSITIVE_INFINITY || !Number.isFinite(bestLogProbs[row]))
  const badTop = detail?.topLogProbs.findIndex((logProb) => Number.isNaN(logProb)) ?? -1
  const row = bad >= 0 ? bad : badTop >= 0 ? Math.floor(badTop / (detail?.topCount ?? 1)) : -1
  if (row < 0) return
  throw new ServiceError(
    'non_finite_logits',
    `the model gave no number for position ${firstPosition + row} of ${param}: half-precision overflow, or damaged weights`,
    { param }
  )
}
