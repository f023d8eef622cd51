import type { RunningService } from '../../support/running-service.ts'
import { answeredRequests } from '../support/refused-requests.ts'
import { type Comparison, compare } from './compare.ts'
import { type Mode, shortened } from './modes.ts'
import { type Evaluation, lmEval } from './run-lm-eval.ts'

/** A row of the table: a mode of a client compared with `hf`. */
export interface ModeOutcome extends Comparison {
  readonly client: string
  readonly mode: string
  readonly seconds: number
  /** Answered requests, and those of them with a status of 400 or more. */
  readonly answered: number
  readonly failed: number
  readonly retries: number
}

/**
 * Runs lm-eval in a mode on the shortened tasks and compares it with the reference; nothing else may use the service
 * meanwhile.
 */
export async function measureMode(mode: Mode, service: RunningService, checkpoint: string, reference: Evaluation): Promise<ModeOutcome> {
  const before = await answeredRequests(service)
  const evaluation = await lmEval(shortened(mode.request(service.url, checkpoint)))
  const after = await answeredRequests(service)
  return {
    client: mode.client,
    mode: mode.name,
    seconds: Math.round(evaluation.wallMs / 100) / 10,
    answered: after.answered - before.answered,
    failed: after.failed - before.failed,
    retries: evaluation.retries,
    ...compare(reference, evaluation)
  }
}

/** The outcomes as a Markdown table. */
export function modesTable(outcomes: readonly ModeOutcome[]): string {
  const rows = outcomes.map((row) =>
    [
      row.client,
      row.mode,
      row.samples,
      row.maxDifference.toExponential(1),
      row.greedyMismatches,
      `${row.accuracyMismatches} of ${row.documents}`,
      row.failed + row.retries + row.unmatched
    ].join(' | ')
  )
  return [
    '| client | mode | samples | largest difference from `hf`, nats | greedy mismatches | acc or acc_norm mismatches | failures |',
    `|${'---|'.repeat(7)}`,
    ...rows.map((row) => `| ${row} |`)
  ].join('\n')
}
