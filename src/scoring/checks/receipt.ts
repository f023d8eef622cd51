import { type Check, check } from './check.ts'

/** What was asked of the engine for one sequence, and what came back. */
export interface Receipt {
  readonly sentChecksum: number
  readonly scoredChecksum: number
  /** Scored tokens. */
  readonly sentRows: number
  readonly scoredRows: number
}

/** The engine scored the tokens that were sent to it, and all of them. `value` is how many rows came back too many, or too few. */
export function sameSequenceCheck(receipt: Receipt | null): Check {
  if (receipt === null) return check('same_sequence', 'skipped', 'no token was to be scored')
  const { sentChecksum, scoredChecksum, sentRows, scoredRows } = receipt
  const finding = { independent: true, value: scoredRows - sentRows, tolerance: 0 }
  if (scoredRows !== sentRows) return check('same_sequence', 'fail', `${sentRows} tokens were to be scored and ${scoredRows} numbers came back`, finding)
  if (scoredChecksum !== sentChecksum) return check('same_sequence', 'fail', 'the numbers that came back were made for other tokens', finding)
  return check('same_sequence', 'pass', 'the engine scored the tokens that were sent to it, and all of them', finding)
}
