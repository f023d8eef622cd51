import type { Check } from '../scoring/checks/check.ts'
import type { InputInfo } from '../scoring/checks/input-checks.ts'
import type { Finding } from '../scoring/loss/findings.ts'
import type { Reason } from '../scoring/loss/labels.ts'

/** One training example as token ids, with the label of each token. */
export interface EncodedExample {
  readonly ids: Int32Array
  /** (n,) Why each token is trained or masked. */
  readonly reasons: readonly Reason[]
  readonly inputInfo: InputInfo
  /** The `boundary` check, with a message for the form of the request. */
  readonly boundary: Check
  /** Positions of the end tokens of trained regions, trained or not. */
  readonly endPositions: readonly number[]
  /** The end token that a training run could have appended; null when the sequence has one or the model has none. */
  readonly absentEndId: number | null
  /** Whether the completion tokens spell the trained text; null when it was sent as ids. */
  readonly spellsCompletion: boolean | null
  /** Control tokens among the completion tokens that the request did not ask for. */
  readonly strayControlTokens: number
  readonly findings: readonly Finding[]
  /** (n,) The token that each row has to predict; only where labels differ from `ids`. */
  readonly targets?: Int32Array
  /** Number of padding tokens that were removed at each end; only for rows of a training batch. */
  readonly padding?: { readonly left: number; readonly right: number }
}
