import { forestSize } from '../../../forest/forest.ts'

/**
 * Which sequences stand in one row: those of neighbouring prefixes together, as many as fit into `longestRow` columns; each
 * alone where that is 0. Every index is in exactly one group.
 */
export function rowGroups(fed: readonly Int32Array[], longestRow: number): readonly (readonly number[])[] {
  const all = fed.map((_, i) => i)
  if (longestRow === 0) return all.map((index) => [index])
  return split(all)

  function split(indices: readonly number[]): readonly (readonly number[])[] {
    if (indices.length <= 1 || forestSize(indices.map((index) => fed[index]!)) <= longestRow) return [indices]
    const middle = indices.length >> 1
    return [...split(indices.slice(0, middle)), ...split(indices.slice(middle))]
  }
}
