import { commonLength } from '../../../forest/forest.ts'
import type { Batch, ScoringSequence } from '../../engine.ts'

/** What is known of the tokens that all sequences of a pass begin with. */
export interface KnownTokens {
  /** Tokens whose keys and values are kept. */
  readonly length: number
  /** The first token from `first` on whose numbers are not kept; `length` when all are. */
  firstUnknownRow(first: number): number
}

/** The tokens that all sequences feed first: of one sequence all that it feeds. */
export function commonTokens(sequences: readonly ScoringSequence[]): Int32Array {
  return sequences.map(({ ids }) => ids.subarray(0, -1)).reduce((common, fed) => common.subarray(0, commonLength(common, fed)))
}

/**
 * P: how many known tokens a pass can leave out. Each sequence still feeds a token. The row behind token i predicts token
 * i + 1, so a token of the prefix is left out only where the number behind it is known or not asked for: then the first token
 * behind the prefix has its predictor too, which is the last token of the prefix, fed again.
 */
export function usableLength({ sequences, topCount }: Pick<Batch, 'sequences' | 'topCount'>, known: KnownTokens): number {
  const firstScored = Math.min(...sequences.map((sequence) => sequence.firstScored))
  // Details are not kept, and the number kept for a token is not that of a label in its place.
  const isKept = topCount === null && sequences.every(({ targets }) => targets === undefined)
  const most = Math.min(known.length, ...sequences.map(({ ids }) => ids.length - 2))
  if (firstScored > most) return Math.max(0, most)
  if (!isKept) return firstScored - 1
  return Math.max(0, Math.min(most, known.length - 1, known.firstUnknownRow(firstScored) - 1))
}
