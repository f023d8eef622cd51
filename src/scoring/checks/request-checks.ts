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

/** A scored item, as the checks see it. */
export interface CheckSubject {
  readonly sequence: ScoredSequence
  readonly sums: LogProbSums
  readonly inputInfo: InputInfo
  /** Null if the item has no token to score. */
  readonly integrity: SequenceIntegrity | null
}

/** The checks of every result. None needs a forward pass. */
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

/** Pairs the ids sent to the engine with the checksum and the number of rows that it returned. */
export interface SequenceIntegrity {
  readonly sentChecksum: number
  readonly scoredChecksum: number
  /** One row per scored token. */
  readonly sentRows: number
  readonly scoredRows: number
}

/** `same_sequence`. `value` is the number of rows returned less the number requested. */
export function sameSequenceCheck(integrity: SequenceIntegrity | null): Check {
  if (integrity === null) return check('same_sequence', 'skipped', 'the item has no token to score')
  const { sentChecksum, scoredChecksum, sentRows, scoredRows } = integrity
  const finding = { independent: true, value: scoredRows - sentRows, tolerance: 0 }
  if (scoredRows !== sentRows) return check('same_sequence', 'fail', `the engine returned ${scoredRows} log-probabilities for ${sentRows} tokens`, finding)
  if (scoredChecksum !== sentChecksum) return check('same_sequence', 'fail', 'the engine scored different tokens from those that were sent to it', finding)
  return check('same_sequence', 'pass', 'the engine scored exactly the tokens that were sent to it', finding)
}
