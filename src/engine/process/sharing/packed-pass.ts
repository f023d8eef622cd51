import { BLOCKED } from '../../../model/onnx/attention-bias.ts'
import { idsChecksum, withToken } from '../../checksum.ts'
import type { ScoringSequence } from '../../engine.ts'
import { type PackedRow, packedRowOf } from '../../packed-row.ts'
import { type Pass, wantedOf } from '../pass.ts'
import type { CacheArray } from '../prefix-cache/cache-tensor.ts'

/** The first P tokens of all sequences of a pass, computed before. */
export interface KnownPrefix {
  readonly length: number
  readonly past: ReadonlyMap<string, CacheArray> | null
}

export interface PackedPass {
  readonly pass: Pass
  /** Of what follows the known prefix, without each last token. */
  readonly forest: PackedRow
}

/**
 * Several sequences in one row, behind a prefix that all of them begin with: each distinct continuation has its columns once,
 * positions count on from the prefix on every branch, and the bias shows a token its own predecessors alone. Every sequence
 * feeds at least one token behind the prefix. Equal rows of several sequences are asked for once.
 */
export function packedPass(sequences: readonly ScoringSequence[], prefix: KnownPrefix): PackedPass {
  const P = prefix.length
  const forest = packedRowOf(sequences.map(({ ids }) => ids.subarray(P, -1)))
  const S = forest.ids.length
  const rows: number[] = []
  const targets: number[] = []
  const places = new Map<string, number>()
  const ofSequence = sequences.map((sequence, i) =>
    Int32Array.from(wantedOf(sequence, P), ({ position, target }) => {
      const column = forest.paths[i]![position - P]!
      const key = `${column} ${target}`
      const place = places.get(key) ?? rows.length
      if (place === rows.length) {
        places.set(key, place)
        rows.push(column)
        targets.push(target)
      }
      return place
    })
  )
  return {
    forest,
    pass: {
      B: 1,
      S,
      ids: forest.ids,
      positions: forest.positions.map((position) => position + P),
      lengths: [S],
      pastLength: P,
      past: P === 0 ? null : prefix.past,
      // One branch after the other needs no bias: the model's own mask hides what comes later.
      bias: isChain(forest) ? null : branchBias(forest, P),
      seenChecksums: seenInBranches(forest, idsChecksum((sequences[0]?.ids ?? NONE).subarray(0, P))),
      wanted: { rows: Int32Array.from(rows), targets: Int32Array.from(targets), ofSequence }
    }
  }
}

/** Column j sees the prefix and, of the columns before it, those whose branch has not ended: a stack of them. */
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

/** (S, P + S): the prefix is seen by all, column j by itself and those that continue it. */
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
