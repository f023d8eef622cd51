import type { OnnxNode } from '../../model/onnx/graph.ts'
import { bytesOf, type Field, fieldsOf, integersOf, sourceOfBytes, textOf } from '../../model/onnx/wire.ts'
import type { InferredTensor } from './tensor-info.ts'

/** A node as a shape rule sees it. An input that is left out, or whose shape is unknown, is undefined. */
export interface NodeInfo {
  readonly inputs: readonly (InferredTensor | undefined)[]
  readonly outputCount: number
  readonly attributes: Attributes
}

/** Infers the shapes of a node's outputs; null if they cannot be inferred. */
export type ShapeRule = (node: NodeInfo) => readonly InferredTensor[] | null

/** The attributes of a node that shapes depend on, by name. */
export interface Attributes {
  integer(name: string, fallback: number): number
  integers(name: string): readonly number[] | null
  text(name: string): string | null
  /** An encoded TensorProto. */
  tensor(name: string): Uint8Array | null
}

/** One graph is simulated for several batch shapes, and decoding is most of the work. */
const decoded = new WeakMap<OnnxNode, Attributes>()

export function attributesOf(node: OnnxNode): Attributes {
  const found = decoded.get(node) ?? decode(node)
  decoded.set(node, found)
  return found
}

/** Decodes AttributeProto { name 1, i 3, s 4, t 5, ints 8 }. */
function decode({ attributes }: OnnxNode): Attributes {
  const found = new Map<string, { source: ReturnType<typeof sourceOfBytes>; fields: readonly Field[] }>()
  for (const encoded of attributes) {
    const source = sourceOfBytes(encoded)
    const fields = [...fieldsOf(source, 0, source.sizeBytes)]
    const name = fields.find(({ number }) => number === 1)
    if (name !== undefined) found.set(textOf(source, name), { source, fields })
  }
  const of = <T>(name: string, number: number, read: (source: ReturnType<typeof sourceOfBytes>, fields: readonly Field[]) => T): T | null => {
    const attribute = found.get(name)
    const fields = attribute?.fields.filter((field) => field.number === number) ?? []
    return attribute === undefined || fields.length === 0 ? null : read(attribute.source, fields)
  }
  return {
    integer: (name, fallback) => of(name, 3, (_, [field]) => Number(BigInt.asIntN(64, field?.varint ?? 0n))) ?? fallback,
    integers: (name) => of(name, 8, (source, fields) => fields.flatMap((field) => [...integersOf(source, field)].map(Number))),
    text: (name) => of(name, 4, (source, [field]) => (field === undefined ? '' : textOf(source, field))),
    tensor: (name) => of(name, 5, (source, [field]) => (field === undefined ? new Uint8Array(0) : bytesOf(source, field)))
  }
}

/** An axis counted from the front. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}
