import { BLOCKED } from '../../../model/onnx/attention-bias.ts'
import { idsChecksum, withToken } from '../../checksum.ts'
import type { ScoringSequence } from '../../engine.ts'
import { type PackedRow, packedRowOf } from '../../packed-row.ts'
import { type Pass, wantedOf } from '../pass.ts'
import type { CacheArray } from '../prefix-cache/cache-tensor.ts'

/** The first P tokens of all sequences of a pass, whose keys and values were computed before. */
export interface KnownPrefix {
  readonly length: number
  readonly past: ReadonlyMap<string, CacheArray> | null
}

interface PackedPass {
  readonly pass: Pass
  /** The sequences without the known prefix and without their last tokens. */
  readonly row: PackedRow
}

/**
 * Packs several sequences into one row after a prefix that all of them begin with. Each distinct continuation has its
 * columns once; positions continue from the prefix on every branch; the bias lets a token attend to its own
 * predecessors alone. Every sequence feeds at least one token after the prefix. A row that several sequences need is
 * computed once.
 */
export function packedPass(sequences: readonly ScoringSequence[], prefix: KnownPrefix): PackedPass {
  const P = prefix.length
  const row = packedRowOf(sequences.map(({ ids }) => ids.subarray(P, -1)))
  const S = row.ids.length
  const rows: number[] = []
  const targets: number[] = []
  /** Index into `rows` by column and target. */
  const indices = new Map<string, number>()
  const ofSequence = sequences.map((sequence, i) =>
    Int32Array.from(wantedOf(sequence, P), ({ position, target }) => {
      const column = row.paths[i]![position - P]!
      const key = `${column} ${target}`
      const index = indices.get(key) ?? rows.length
      if (index === rows.length) {
        indices.set(key, index)
        rows.push(column)
        targets.push(target)
      }
      return index
    })
  )
  return {
    row,
    pass: {
      B: 1,
      S,
      ids: row.ids,
      positions: row.positions.map((position) => position + P),
      lengths: [S],
      pastLength: P,
      past: P === 0 ? null : prefix.past,
      // A row without branches needs no bias: the model's own mask hides later tokens.
      bias: isChain(row) ? null : branchBias(row, P),
      seenChecksums: seenInBranches(row, idsChecksum((sequences[0]?.ids ?? NONE).subarray(0, P))),
      wanted: { rows: Int32Array.from(rows), targets: Int32Array.from(targets), ofSequence }
    }
  }
}

/** `seenChecksums` of a packed row: a column sees the prefix, itself and the earlier columns whose branch is open. */
function seenInBranches({ ids, ends }: PackedRow, prefix: number): Int32Array {
  const seen = new Int32Array(ids.length)
  const open: number[] = []
  ids.forEach((id, column) => {
    while (open.length > 0 && ends[open.at(-1)!]! <= column) open.pop()
    const before = open.at(-1)
    seen[column] = withToken(before === undefined ? prefix : seen[before]!, id)
    open.push(column)
  })
  return seen
}

const NONE = new Int32Array(0)

function isChain({ ends }: PackedRow): boolean {
  return ends.every((end) => end === ends.length)
}

/** (S, P + S): all tokens attend to the prefix; column j is visible to itself and its continuations. */
function branchBias({ ends }: PackedRow, P: number): Float32Array {
  const S = ends.length
  const width = P + S
  const bias = new Float32Array(S * width).fill(BLOCKED)
  for (let i = 0; i < S; i++) bias.fill(0, i * width, i * width + P)
  ends.forEach((end, j) => {
    for (let i = j; i < end; i++) bias[i * width + P + j] = 0
  })
  return bias
}
