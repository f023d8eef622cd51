import type { InputInfo } from '../scoring/checks/input-checks.ts'
import type { Lengths } from '../scoring/normalized.ts'
import type { PartSizes } from '../scoring/scored-sequence.ts'
import type { PartText } from './spelling.ts'

/** An item as token ids: [prefix token] ++ X ++ Y ++ [EOS]. */
export interface EncodedItem {
  readonly ids: Int32Array
  readonly sizes: PartSizes
  readonly lengths: { readonly x: Lengths; readonly y: Lengths }
  readonly boundary: Boundary
  /** Where the tokens of x and y lie in their texts. */
  readonly text: { readonly x: PartText; readonly y: PartText }
  readonly inputInfo: InputInfo
  readonly warnings: readonly Warning[]
  /** Log-probabilities are computed for the positions from `scoredStart` up to, not including, `scoredEnd`. */
  readonly scoredStart: number
  readonly scoredEnd: number
}

/** How the ids were divided into x and y, as the response shows it. */
export interface Boundary {
  readonly policy: 'joint' | 'split' | 'moved_space' | 'tokens'
  /** Whether x+y, tokenized as one text, has a token across the end of x. */
  readonly merged: boolean
  readonly straddling_token?: { readonly id: number; readonly text: string; readonly bytes: string }
  /** The x and y that were scored, where white space moved from x to y. */
  readonly scored?: { readonly x: string; readonly y: string }
}

export interface Warning {
  readonly code: string
  readonly message: string
}
