import type { Batch, BatchScores, RowScores } from '../engine/engine.ts'
import { allReused } from './batch-facts.ts'
import type { QueuedWork } from './queued-work.ts'
import type { SchedulerObserver } from './scheduler-options.ts'
import { fedTokens } from './work.ts'

/**
 * Gives each part of a batch its own rows, in order, and those who want the same numbers the same. `keep` is called with
 * the rows of each part that has a key.
 */
export function answerParts(
  parts: readonly QueuedWork[][],
  scores: BatchScores,
  observer: SchedulerObserver,
  keep: (key: string, rows: RowScores, topCount: number | null) => void
): void {
  let start = 0
  for (const [first, ...others] of parts) {
    if (first === undefined) continue
    const end = start + first.batch.sequences.length
    const own = { ...scores, rows: scores.rows.slice(start, end) }
    start = end
    first.resolve(own)
    for (const { batch, request, resolve } of others) if (!request.isGone) resolve(reusedScores('in_flight', batch, own, observer))
    const [rows] = own.rows
    if (first.key !== null && rows !== undefined) keep(first.key, rows, first.batch.topCount)
  }
}

/** The scores of one sequence for another request than that which they were computed for. */
export function reusedScores(source: 'result' | 'in_flight', { sequences }: Batch, scores: BatchScores, observer: SchedulerObserver): BatchScores {
  const [sequence] = sequences
  if (sequence === undefined) return scores
  observer.reused?.(source, fedTokens(sequence))
  return { ...scores, rows: scores.rows.map((rows) => ({ ...rows, work: allReused(sequence) })) }
}
