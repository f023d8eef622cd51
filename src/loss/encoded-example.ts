import type { Check } from '../scoring/checks/check.ts'
import type { InputInfo } from '../scoring/checks/input-checks.ts'
import type { Finding } from '../scoring/loss/findings.ts'
import type { Reason } from '../scoring/loss/labels.ts'

/** One training example as token ids, and what each token is to the run. */
export interface EncodedExample {
  readonly ids: Int32Array
  /** (n,) */
  readonly reasons: readonly Reason[]
  readonly inputInfo: InputInfo
  /** The `boundary` check, in words that fit the form of the request. */
  readonly boundary: Check
  /** Positions of the end tokens of trained stretches, whether they are trained or not. */
  readonly endPositions: readonly number[]
  /** The end token that a run could have appended to this sequence; null when it has one or the model has none. */
  readonly absentEndId: number | null
  /** Whether the completion tokens spell the text to be trained; null when it was sent as ids. */
  readonly spellsCompletion: boolean | null
  /** Control tokens among the completion tokens that nobody asked for. */
  readonly strayControlTokens: number
  /** What was found while encoding. */
  readonly findings: readonly Finding[]
}
