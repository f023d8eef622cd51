import { type CacheArray, type CacheTensor, emptyColumns, joinColumns } from './cache-tensor.ts'
import type { TokenRows } from './token-rows.ts'

/** What is kept for a run of tokens. Keys and values never change once they are here; rows become known. */
export interface TokenRun {
  readonly length: number
  /** Number of the insertion it came with: together with the place in the sequence it tells keys and values apart from any others. */
  readonly stamp: number
  /** One array [heads, length, size] a tensor. */
  readonly blocks: readonly CacheArray[]
  readonly rows: TokenRows
}

/** Tokens `from .. to - 1` alone, in arrays of their own: a shared one would keep the memory of both parts until the last is evicted. */
export function cutRun(tensors: readonly CacheTensor[], { stamp, blocks, rows }: TokenRun, from: number, to: number): TokenRun {
  const cut = tensors.map((tensor, t) => joinColumns(tensor, [{ source: blocks[t]!, column: from, count: to - from }], emptyColumns(tensor, to - from)))
  return { length: to - from, stamp, blocks: cut, rows: rows.cut(from, to) }
}
