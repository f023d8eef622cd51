import type { LogProbSums } from '../log-prob-sums.ts'
import type { ScoredSequence } from '../scored-sequence.ts'
import type { Check } from './check.ts'
import {
  boundaryCheck,
  controlTokensCheck,
  firstTokenCheck,
  type InputFacts,
  lengthCheck,
  normalizerCheck,
  roundTripCheck,
  tokenRangeCheck,
  wellFormedCheck
} from './input-checks.ts'
import { additivityCheck, atMostZeroCheck, finiteCheck, greedyCheck, jointLeMarginalCheck, monotoneCheck } from './number-checks.ts'
import { type Receipt, sameSequenceCheck } from './receipt.ts'

/** Everything that is known of a result once its numbers have come back. */
export interface CheckSubject {
  readonly sequence: ScoredSequence
  readonly sums: LogProbSums
  readonly facts: InputFacts
  /** Null when no token was to be scored. */
  readonly receipt: Receipt | null
}

/** The checks that come with every result: they cost no forward pass. */
export const REQUEST_CHECKS: readonly ((subject: CheckSubject) => Check)[] = [
  ({ sequence }) => finiteCheck(sequence),
  ({ receipt }) => sameSequenceCheck(receipt),
  ({ sequence }) => atMostZeroCheck(sequence),
  ({ sequence }) => monotoneCheck(sequence),
  ({ sums }) => jointLeMarginalCheck(sums),
  ({ sums }) => additivityCheck(sums),
  ({ facts }) => boundaryCheck(facts),
  ({ facts }) => roundTripCheck(facts),
  ({ facts }) => normalizerCheck(facts),
  ({ facts }) => tokenRangeCheck(facts),
  ({ facts }) => controlTokensCheck(facts),
  ({ facts }) => lengthCheck(facts),
  ({ facts }) => firstTokenCheck(facts),
  ({ sequence }) => greedyCheck(sequence),
  () => wellFormedCheck(true)
]
