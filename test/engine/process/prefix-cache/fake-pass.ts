import type { CacheTensor } from '../../../../src/engine/process/prefix-cache/cache-tensor.ts'
import type { CachedRows } from '../../../../src/engine/process/prefix-cache/cached-run.ts'
import type { ComputedColumns } from '../../../../src/engine/process/prefix-cache/prefix-cache.ts'

/** Two layers whose tensors all differ in shape, the last in half precision. */
export const TENSORS: readonly CacheTensor[] = [
  { past: 'past.0.key', heads: 2, size: 3, elementBytes: 4 },
  { past: 'past.0.value', heads: 2, size: 1, elementBytes: 4 },
  { past: 'past.1.key', heads: 1, size: 2, elementBytes: 4 },
  { past: 'past.1.value', heads: 3, size: 2, elementBytes: 2 }
]

/**
 * What pass number `pass` computes for the last token of a prefix. Depends on all of its tokens; exact in float32 and
 * below 2^16.
 */
function elementOf(prefix: Int32Array, pass: number, tensor: number, head: number, element: number): number {
  let hash = 17
  for (const part of [...prefix, prefix.length, pass, tensor, head, element]) hash = (Math.imul(hash, 31) + part + 1) & 0x7fffffff
  return (hash ^ (hash >>> 15)) & 0xffff
}

/** Elements [heads, length, size] of the first `length` tokens of ids, as the pass of each token computes them. */
export function expectedBlock(tensor: number, ids: Int32Array, passes: readonly number[]): number[] {
  const { heads, size } = TENSORS[tensor]!
  return Array.from({ length: heads }, (_, head) =>
    passes.map((pass, i) => Array.from({ length: size }, (_, element) => elementOf(ids.subarray(0, i + 1), pass, tensor, head, element)))
  ).flat(2)
}

/**
 * A pass over tokens `from .. end - 1` of ids: columns with gaps after those of the past, and -1 in columns without a
 * token.
 */
export function passOver(ids: Int32Array, from: number, end: number, pass: number, gaps: readonly number[] = []): ComputedColumns {
  const columns = new Int32Array(end - from)
  let column = from
  for (let i = 0; i < columns.length; i++) {
    column += gaps[i % Math.max(1, gaps.length)] ?? 0
    columns[i] = column++
  }
  const width = column + 1
  const present = new Map(
    TENSORS.map(({ past, heads, size, elementBytes }, t) => {
      const elements = (elementBytes === 4 ? new Float32Array(heads * width * size) : new Uint16Array(heads * width * size)).fill(-1)
      columns.forEach((column, i) => {
        for (let head = 0; head < heads; head++)
          for (let element = 0; element < size; element++)
            elements[(head * width + column) * size + element] = elementOf(ids.subarray(0, from + i + 1), pass, t, head, element)
      })
      return [past, elements]
    })
  )
  return { from, columns, present }
}

/** Rows of tokens `first .. end - 1` of ids as pass number `pass` computes them. */
export function rowsOver(ids: Int32Array, first: number, end: number, pass: number): CachedRows {
  const values = (which: number): number[] =>
    Array.from({ length: Math.max(0, end - first) }, (_, i) => elementOf(ids.subarray(0, first + i + 1), pass, 100, 0, which))
  return {
    first,
    logProbs: Float32Array.from(values(0)),
    logSumExps: Float32Array.from(values(1)),
    bestIds: Int32Array.from(values(2)),
    bestLogProbs: Float32Array.from(values(3)),
    checksums: Int32Array.from(values(4))
  }
}
