import { attributeOf } from './attributes.ts'
import type { Graph } from './graph.ts'
import { INT64 } from './graph.ts'
import { bytesOf, fieldsOf, integersOf, sourceOfBytes } from './wire.ts'

/**
 * Small int64 tensors whose value stands in the graph: initializers and Constant nodes. `wanted` are names; others, and tensors
 * whose bytes lie elsewhere, are left out.
 */
export function constantIntegers({ initializers, nodes }: Graph, wanted: ReadonlySet<string>): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, readonly number[]>()
  for (const { name, dataType, value } of initializers)
    if (wanted.has(name) && dataType === INT64 && value instanceof Uint8Array) found.set(name, integersOfTensor(value))
  for (const node of nodes) {
    const [name = ''] = node.outputs
    if (node.opType !== 'Constant' || !wanted.has(name)) continue
    const tensor = attributeOf(node, 'value')?.tensor ?? null
    found.set(name, tensor === null ? [...((attributeOf(node, 'value_ints') ?? attributeOf(node, 'value_int'))?.integers ?? [])] : integersOfTensor(tensor))
  }
  return found
}

/** TensorProto { int64_data 7, raw_data 9 } */
function integersOfTensor(encoded: Uint8Array): number[] {
  const source = sourceOfBytes(encoded)
  const values: number[] = []
  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 7) for (const value of integersOf(source, field)) values.push(Number(value))
    if (field.number !== 9) continue
    const raw = Buffer.from(bytesOf(source, field))
    for (let at = 0; at + 8 <= raw.length; at += 8) values.push(Number(raw.readBigInt64LE(at)))
  }
  return values
}
