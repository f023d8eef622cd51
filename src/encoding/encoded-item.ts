import type { Check } from '../scoring/checks/check.ts'
import type { InputInfo } from '../scoring/checks/input-checks.ts'
import type { Lengths } from '../scoring/normalized.ts'
import type { PartSizes } from '../scoring/scored-sequence.ts'
import type { PartText } from './spelling.ts'

/** How x and y were told apart, as the response shows it. */
export interface Boundary {
  readonly policy: 'joint' | 'split' | 'moved_space' | 'tokens'
  /** Whether x+y taken together has a token across the end of x. */
  readonly merged: boolean
  readonly straddling_token?: { readonly id: number; readonly text: string; readonly bytes: string }
  /** The x and y that were scored, where white space moved from one to the other. */
  readonly scored?: { readonly x: string; readonly y: string }
}

export interface Warning {
  readonly code: string
  readonly message: string
}

/** An item as token ids: [prefix token] ++ X ++ Y ++ [EOS]. */
export interface EncodedItem {
  readonly ids: Int32Array
  readonly sizes: PartSizes
  readonly lengths: { readonly x: Lengths; readonly y: Lengths }
  readonly boundary: Boundary
  /** Where the tokens of x and y lie in their texts. */
  readonly text: { readonly x: PartText; readonly y: PartText }
  readonly inputInfo: InputInfo
  readonly wellFormed: Check
  readonly warnings: readonly Warning[]
  /** Log-probabilities are computed from this position on, and up to `scoredEnd`. */
  readonly scoredStart: number
  readonly scoredEnd: number
}
