import { idsChecksum, rowChecksums } from '../engine/checksum.ts'
import { type RowScores, rowCountOf, type ScoringSequence } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'
import { type SequenceIntegrity, sameSequenceCheck } from '../scoring/checks/request-checks.ts'

/**
 * Pairs the checksum and row count of the sequence that was sent with those that the engine computed from the ids it
 * fed.
 */
export function sequenceIntegrityOf(sequence: ScoringSequence, rows: RowScores): SequenceIntegrity {
  return {
    sentChecksum: idsChecksum(rowChecksums(sequence)),
    scoredChecksum: idsChecksum(rows.checksums),
    sentRows: rowCountOf(sequence),
    scoredRows: rows.logProbs.length
  }
}

/** Throws `scores_mismatched` when the scores belong to other tokens: they must never reach a sum. */
export function assertSequenceIntegrity(integrity: SequenceIntegrity): void {
  const { status, message } = sameSequenceCheck(integrity)
  if (status === 'fail') throw new ServiceError('scores_mismatched', message)
}
