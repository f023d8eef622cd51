import { elementAt } from '../element-at.ts'
import type { RowScores } from '../engine/engine.ts'
import type { ScoringJob } from '../scheduling/job.ts'
import type { ExampleLosses } from '../scoring/loss/conventions.ts'
import { isTrained, type LogProbs } from '../scoring/loss/labels.ts'
import type { EncodedExample } from './encoded-example.ts'

/** Passes that only `reported_loss` needs; null when they do not fit into the context or have nothing to score. */
export interface ConventionJobs {
  /** Scores token i in row i. */
  readonly notShifted: ScoringJob | null
  /** Scores token i + 2 in row i. */
  readonly shiftedTwice: ScoringJob | null
  /** Scores the end token that a training run could have appended. */
  readonly end: ScoringJob | null
}

export type ConventionRows = { readonly [job in keyof ConventionJobs]: RowScores | null }

/**
 * Each row predicts the position after it, so `targets` puts the wrong tokens at the right positions. Labels without a
 * shift need one more row, so an arbitrary token is appended; no row depends on it.
 */
export function conventionJobs({ ids, targets = ids, absentEndId }: EncodedExample, maxModelLen: number): ConventionJobs {
  const last = elementAt(ids, ids.length - 1)
  const hasRoom = ids.length < maxModelLen
  const longer = (id: number): Int32Array => Int32Array.from([...ids, id])
  return {
    notShifted: hasRoom ? { sequence: { ids: longer(last), firstScored: 1, targets: targets.slice() }, topCount: null } : null,
    // The last row has no token two positions on; its score is not used.
    shiftedTwice: ids.length < 3 ? null : { sequence: { ids, firstScored: 1, targets: Int32Array.from([...targets.subarray(2), last]) }, topCount: null },
    end: hasRoom && absentEndId !== null ? { sequence: { ids: longer(absentEndId), firstScored: ids.length }, topCount: null } : null
  }
}

/**
 * The losses of an example under all conventions. `logProbs` has one entry per token, null where no row predicts it.
 */
export function exampleLosses(
  { ids, reasons, endPositions, absentEndId }: EncodedExample,
  logProbs: LogProbs,
  rows: ConventionRows,
  promptLossWeight: number
): ExampleLosses {
  const positions = Array.from(ids.keys())
  const isEnd = new Set(endPositions)
  const trained = positions.filter((position) => isTrained(elementAt(reasons, position)))
  const lossesAt = (wanted: readonly number[]): number[] =>
    wanted.flatMap((position) => {
      const logProb = elementAt(logProbs, position)
      return logProb === null ? [] : [-logProb]
    })
  const rowLosses = (scores: RowScores | null, wanted: readonly number[], rowOf: (position: number) => number): number[] | null =>
    scores === null ? null : wanted.map((position) => -elementAt(scores.logProbs, rowOf(position)))
  const endAfter = rows.end === null ? [] : [-elementAt(rows.end.logProbs, 0)]
  return {
    completion: lossesAt(trained.filter((position) => !isEnd.has(position))),
    ends: absentEndId === null ? lossesAt(endPositions) : endAfter,
    endsAreTrained: endPositions.some((position) => reasons[position] === 'eos'),
    endsAreInSequence: absentEndId === null,
    given: lossesAt(positions.filter((position) => !isTrained(elementAt(reasons, position)) && !isEnd.has(position))),
    promptLossWeight,
    notShifted: rowLosses(rows.notShifted, trained, (position) => position),
    shiftedTwice: rowLosses(
      rows.shiftedTwice,
      trained.filter((position) => position >= 2),
      (position) => position - 2
    )
  }
}
