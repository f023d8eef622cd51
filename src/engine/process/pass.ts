import { NO_TOKENS, withToken } from '../checksum.ts'
import type { ScoringSequence } from '../engine.ts'
import type { CacheArray } from './prefix-cache/cache-tensor.ts'

/**
 * What one forward pass computes: B rows of S columns, right-padded, behind P tokens whose keys and values are known. The mask
 * covers all P + S of them.
 */
export interface Pass {
  readonly B: number
  readonly S: number
  /** (B, S) row-major; padding repeats token 0, which the mask hides. */
  readonly ids: Int32Array
  /** (B, S) place of each token in its own sequence. */
  readonly positions: Int32Array
  /** Columns of each row that are no padding. */
  readonly lengths: readonly number[]
  /** P; above 0 with B = 1 alone, as attention operators with a past take several tokens of one text only. */
  readonly pastLength: number
  /** By the name of the input; null when P is 0. */
  readonly past: ReadonlyMap<string, CacheArray> | null
  /** (S, P + S) what is added to the attention scores: 0 or `BLOCKED`. Null hides nothing beyond what the model itself does. */
  readonly bias: Float32Array | null
  /** (B, S) checksum of the tokens that each column sees, those of the past and itself included; computed from `ids` as they are fed. */
  readonly seenChecksums: Int32Array
  readonly wanted: WantedRows
}

/** The rows of numbers that are asked for; each distinct one once. */
export interface WantedRows {
  /** (R,) the row of the flattened hidden states (B·S, H) that predicts, and (R,) the token whose log-probability is wanted. */
  readonly rows: Int32Array
  readonly targets: Int32Array
  /** For each sequence, which of the R are its own, in the order of its tokens and then its lastTokenCandidates. */
  readonly ofSequence: readonly Int32Array[]
}

/**
 * A row a sequence, right-padded: attention operators that count the mask's ones are wrong with padding on the left. A sequence
 * of n ids is fed without its last token, whose row nobody asks for: S = longest n - 1. The row that predicts token i is i - 1;
 * that of the last token is asked for once more for each of its lastTokenCandidates.
 */
export function plainPass(sequences: readonly ScoringSequence[]): Pass {
  const lengths = sequences.map(({ ids }) => ids.length - 1)
  const B = sequences.length
  const S = Math.max(...lengths)
  const ids = new Int32Array(B * S)
  sequences.forEach((sequence, b) => {
    ids.set(sequence.ids.subarray(0, lengths[b]), b * S)
  })
  const positions = Int32Array.from(ids, (_, i) => i % S)
  const rows: number[] = []
  const targets: number[] = []
  const ofSequence = sequences.map((sequence, b) => {
    const start = rows.length
    for (const { position, target } of wantedOf(sequence, 0)) {
      rows.push(b * S + position)
      targets.push(target)
    }
    return Int32Array.from({ length: rows.length - start }, (_, i) => start + i)
  })
  const wanted = { rows: Int32Array.from(rows), targets: Int32Array.from(targets), ofSequence }
  return { B, S, ids, positions, lengths, pastLength: 0, past: null, bias: null, seenChecksums: seenInRows(ids, S), wanted }
}

/** A column of a row sees all columns before it. */
function seenInRows(ids: Int32Array, S: number): Int32Array {
  const seen = new Int32Array(ids.length)
  for (let i = 0; i < ids.length; i++) seen[i] = withToken(i % S === 0 ? NO_TOKENS : seen[i - 1]!, ids[i]!)
  return seen
}

/** The positions from `pastLength` on whose rows a sequence asks for, with the token wanted there: its scored tokens, then the lastTokenCandidates of the last. */
export function* wantedOf(
  { ids, firstScored, targets, lastTokenCandidates = NONE }: ScoringSequence,
  pastLength: number
): Generator<{
  readonly position: number
  readonly target: number
}> {
  for (let i = Math.max(firstScored, pastLength + 1); i < ids.length; i++) yield { position: i - 1, target: targets?.[i - firstScored] ?? ids[i]! }
  for (const target of lastTokenCandidates) yield { position: ids.length - 2, target }
}

const NONE = new Int32Array(0)
