import { TERMS } from '../encoding/logprob-item.ts'
import { mapInSlices } from '../event-loop.ts'
import type { ArraysLine } from './arrays.ts'

/** One array of a binary file, in the parts that it consists of. */
export interface ArrayMember {
  readonly name: string
  readonly type: 'int32' | 'int64' | 'float32' | 'float64' | 'uint8'
  /** Row-major. */
  readonly shape: readonly number[]
  readonly parts: readonly Uint8Array[]
}

/**
 * The arrays of all sequences, one behind the other in input order: sequence i has the entries from `row_splits[i]` to
 * `row_splits[i + 1]`, and none if it failed. The sums are NaN where there are none.
 */
export async function arrayMembers(lines: readonly ArraysLine[]): Promise<ArrayMember[]> {
  const lengths = await mapInSlices(lines, ({ arrays }) => arrays?.columns[0]?.values.length ?? 0)
  const splits = new BigInt64Array(lines.length + 1)
  for (const [i, length] of lengths.entries()) splits[i + 1] = (splits[i] as bigint) + BigInt(length)
  const starts = Int32Array.from(lines, ({ arrays }) => arrays?.from ?? 0)
  const members: ArrayMember[] = [
    { name: 'row_splits', type: 'int64', shape: [splits.length], parts: [bytesOf(splits)] },
    { name: 'starts', type: 'int32', shape: [starts.length], parts: [bytesOf(starts)] }
  ]
  for (const term of TERMS) {
    if (!lines.some(({ sums }) => sums[term] !== undefined)) continue
    const values = Float64Array.from(lines, ({ sums }) => sums[term] ?? Number.NaN)
    members.push({ name: term, type: 'float64', shape: [values.length], parts: [bytesOf(values)] })
  }
  const tokens = lengths.reduce((sum, length) => sum + length, 0)
  const [scored] = lines.flatMap(({ arrays }) => arrays ?? [])
  for (const [index, { name, values, width }] of (scored?.columns ?? []).entries())
    members.push({
      name,
      type: values instanceof Int32Array ? 'int32' : 'float32',
      shape: width === null ? [tokens] : [tokens, width],
      parts: lines.flatMap(({ arrays }) => (arrays === null ? [] : bytesOf(arrays.columns[index]?.values ?? new Int32Array(0))))
    })
  return members
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
