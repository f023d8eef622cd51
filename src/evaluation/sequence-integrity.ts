import { idsChecksum, rowChecksums } from '../engine/checksum.ts'
import { type RowScores, rowCountOf, type ScoringSequence } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'
import { type SequenceIntegrity, sameSequenceCheck } from '../scoring/checks/request-checks.ts'

/** The rows that `sequence` asks for beside those that came back, whose checksums the engine made from what it fed. */
export function sequenceIntegrityOf(sequence: ScoringSequence, rows: RowScores): SequenceIntegrity {
  return {
    sentChecksum: idsChecksum(rowChecksums(sequence)),
    scoredChecksum: idsChecksum(rows.checksums),
    sentRows: rowCountOf(sequence),
    scoredRows: rows.logProbs.length
  }
}

/** Throws `scores_mismatched` when the numbers belong to other tokens: such must never reach a sum. */
export function assertSequenceIntegrity(receipt: SequenceIntegrity): void {
  const received = sameSequenceCheck(receipt)
  if (received.status === 'fail') throw new ServiceError('scores_mismatched', received.message)
}
