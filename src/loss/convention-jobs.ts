import { elementAt } from '../element-at.ts'
import type { RowScores } from '../engine/engine.ts'
import type { ScoringJob } from '../scheduling/job.ts'
import type { ExampleLosses } from '../scoring/loss/conventions.ts'
import { isTrained, type LogProbs } from '../scoring/loss/labels.ts'
import type { EncodedExample } from './encoded-example.ts'

/** Passes that only a reported loss needs; null where the context has no room or there is nothing to score. */
export interface ConventionJobs {
  /** Row i on token i. */
  readonly notShifted: ScoringJob | null
  /** Row i on token i + 2. */
  readonly shiftedTwice: ScoringJob | null
  /** The end token that a run could have appended. */
  readonly end: ScoringJob | null
}

export type ConventionRows = { readonly [job in keyof ConventionJobs]: RowScores | null }

/**
 * Rows predict the position after them, so the wrong targets are asked for at the right positions. For labels that are
 * not shifted a further token makes room for the last row; which one it is does not matter, as no row sees it.
 */
export function conventionJobs({ ids, absentEndId }: EncodedExample, maxModelLen: number): ConventionJobs {
  const last = ids.at(-1) ?? 0
  const hasRoom = ids.length < maxModelLen
  const longer = (id: number): Int32Array => Int32Array.from([...ids, id])
  return {
    notShifted: hasRoom ? { sequence: { ids: longer(last), firstScored: 1, targets: ids.slice() }, topCount: null } : null,
    // The last row has no token two places on; its number is not used.
    shiftedTwice: ids.length < 3 ? null : { sequence: { ids, firstScored: 1, targets: Int32Array.from([...ids.subarray(2), last]) }, topCount: null },
    end: hasRoom && absentEndId !== null ? { sequence: { ids: longer(absentEndId), firstScored: ids.length }, topCount: null } : null
  }
}

/** The losses of an example under all conventions. `logProbs` are those of its tokens, null where no row predicts one. */
export function exampleLosses(
  { ids, reasons, endPositions, absentEndId }: EncodedExample,
  logProbs: LogProbs,
  rows: ConventionRows,
  promptLossWeight: number
): ExampleLosses {
  const positions = Array.from(ids.keys())
  const isEnd = new Set(endPositions)
  const trained = positions.filter((position) => isTrained(elementAt(reasons, position)))
  const lossesAt = (wanted: readonly number[]): number[] => wanted.flatMap((position) => (logProbs[position] == null ? [] : [-logProbs[position]!]))
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
