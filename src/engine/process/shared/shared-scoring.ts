import type { Batch, BatchScores, RowScores, ScoringSequence } from '../../engine.ts'
import { sequenceChecksum } from '../../checksum.ts'
import { joinRows, type Rows } from '../join-rows.ts'
import type { CacheArray, Pass } from '../pass.ts'
import { type KnownPrefix, packedPass } from './packed-pass.ts'
import { commonTokens, type KnownTokens, usableLength } from './prefix-use.ts'

/** What a pass gave: the rows of each of its sequences, and the keys and values of all P + S tokens where they were wanted. */
export interface PassScores {
  readonly rows: readonly Rows[]
  readonly present: ReadonlyMap<string, CacheArray> | null
  readonly runMs: number
}
