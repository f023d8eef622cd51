import { idsChecksum } from '../engine/checksum.ts'
import type { RowScores } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'
import { type SequenceIntegrity, sameSequenceCheck } from '../scoring/checks/request-checks.ts'

/** What was asked for beside what came back. `ids` are those that the engine was sent, `firstScored` the first of which it was asked for. */
export function sequenceIntegrityOf(ids: Int32Array, firstScored: number, rows: RowScores): SequenceIntegrity {
  return { sentChecksum: idsChecksum(ids), scoredChecksum: rows.checksum, sentRows: ids.length - firstScored, scoredRows: rows.logProbs.length }
}

/** Throws `scores_mismatched` when the numbers belong to other tokens: such must never reach a sum. */
export function assertSequenceIntegrity(receipt: SequenceIntegrity): void {
  const received = sameSequenceCheck(receipt)
  if (received.status === 'fail') throw new ServiceError('scores_mismatched', received.message)
}
