import type { LogProbSums, ScoredSequence } from '../scored-sequence.ts'
import { type Check, check } from './check.ts'
import {
  boundaryCheck,
  controlTokensCheck,
  firstTokenCheck,
  type InputInfo,
  lengthCheck,
  normalizerCheck,
  roundTripCheck,
  tokenRangeCheck,
  wellFormedCheck
} from './input-checks.ts'
import { additivityCheck, atMostZeroCheck, finiteCheck, greedyCheck, jointLeMarginalCheck, monotoneCheck } from './number-checks.ts'

/** Everything that is known of a result once its numbers have come back. */
export interface CheckSubject {
  readonly sequence: ScoredSequence
  readonly sums: LogProbSums
  readonly inputInfo: InputInfo
  /** Null when no token was to be scored. */
  readonly integrity: SequenceIntegrity | null
}

/** The checks that come with every result: they cost no forward pass. */
export const REQUEST_CHECKS: readonly ((subject: CheckSubject) => Check)[] = [
  ({ sequence }) => finiteCheck(sequence),
  ({ integrity }) => sameSequenceCheck(integrity),
  ({ sequence }) => atMostZeroCheck(sequence),
  ({ sequence }) => monotoneCheck(sequence),
  ({ sums }) => jointLeMarginalCheck(sums),
  ({ sums }) => additivityCheck(sums),
  ({ inputInfo }) => boundaryCheck(inputInfo),
  ({ inputInfo }) => roundTripCheck(inputInfo),
  ({ inputInfo }) => normalizerCheck(inputInfo),
  ({ inputInfo }) => tokenRangeCheck(inputInfo),
  ({ inputInfo }) => controlTokensCheck(inputInfo),
  ({ inputInfo }) => lengthCheck(inputInfo),
  ({ inputInfo }) => firstTokenCheck(inputInfo),
  ({ sequence }) => greedyCheck(sequence),
  () => wellFormedCheck(true)
]

/** What was asked of the engine for one sequence, and what came back. */
export interface SequenceIntegrity {
  readonly sentChecksum: number
  readonly scoredChecksum: number
  /** Scored tokens. */
  readonly sentRows: number
  readonly scoredRows: number
}

/** The engine scored the tokens that were sent to it, and all of them. `value` is how many rows came back too many, or too few. */
export function sameSequenceCheck(receipt: SequenceIntegrity | null): Check {
  if (receipt === null) return check('same_sequence', 'skipped', 'no token was to be scored')
  const { sentChecksum, scoredChecksum, sentRows, scoredRows } = receipt
  const finding = { independent: true, value: scoredRows - sentRows, tolerance: 0 }
  if (scoredRows !== sentRows) return check('same_sequence', 'fail', `${sentRows} tokens were to be scored and ${scoredRows} numbers came back`, finding)
  if (scoredChecksum !== sentChecksum) return check('same_sequence', 'fail', 'the numbers that came back were made for other tokens', finding)
  return check('same_sequence', 'pass', 'the engine scored the tokens that were sent to it, and all of them', finding)
}
