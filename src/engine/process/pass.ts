import { NO_TOKENS, withToken } from '../checksum.ts'
import type { ScoringSequence } from '../engine.ts'
import type { CacheArray } from './prefix-cache/cache-tensor.ts'

/**
 * One forward pass: B rows of S columns, right-padded, after P tokens whose keys and values are known. The attention
 * mask covers all P + S.
 */
export interface Pass {
  readonly B: number
  readonly S: number
  /** (B, S) row-major; padding repeats token 0, which the mask hides. */
  readonly ids: Int32Array
  /** (B, S) position of each token in its own sequence. */
  readonly positions: Int32Array
  /** (B,) columns of each row before its padding. */
  readonly lengths: readonly number[]
  /** P; above 0 only with B = 1: attention operators with a past accept several tokens for a single row only. */
  readonly pastLength: number
  /** Keys and values by input name; null when P is 0. */
  readonly past: ReadonlyMap<string, CacheArray> | null
  /** (S, P + S) values added to the attention scores, 0 or `BLOCKED`; null adds no mask to the model's own. */
  readonly bias: Float32Array | null
  /** (B, S) checksum per column of the tokens it sees, the past and itself included, computed from the fed `ids`. */
  readonly seenChecksums: Int32Array
  readonly wanted: WantedRows
}

/** The R rows of logits to score, each distinct pair of row and target once. */
interface WantedRows {
  /**
   * (R,) index into the flattened hidden states (B·S, H) of the row that predicts, and (R,) the token to score there.
   */
  readonly rows: Int32Array
  readonly targets: Int32Array
  /** For each sequence its indices into the R rows: those of its tokens in order, then of its last-token candidates. */
  readonly ofSequence: readonly Int32Array[]
}

/**
 * One row per sequence, right-padded: attention operators that count the mask's ones fail with padding on the left. A
 * sequence of n ids is fed without its last token, which predicts nothing scored, so S is the longest n - 1. Row i - 1
 * predicts token i; the row of the last token is scored once more for each of its candidates.
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

/** `seenChecksums` without a past or branches: each column sees all earlier columns of its row. */
function seenInRows(ids: Int32Array, S: number): Int32Array {
  const seen = new Int32Array(ids.length)
  for (let i = 0; i < ids.length; i++) seen[i] = withToken(i % S === 0 ? NO_TOKENS : seen[i - 1]!, ids[i]!)
  return seen
}

/**
 * Positions from `pastLength` on whose rows a sequence needs, with the token to score there: its scored tokens, then
 * its last-token candidates.
 */
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
