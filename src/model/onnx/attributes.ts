import type { OnnxNode } from './graph.ts'
import { bytesOf, fieldsOf, integersOf, sourceOfBytes, textOf } from './wire.ts'

/** What a node's attribute holds, as far as logpr looks into it. */
export interface Attribute {
  /** Its integer, or its integers. */
  readonly integers: readonly number[]
  /** The encoded TensorProto of a `value`. */
  readonly tensor: Uint8Array | null
}

/** AttributeProto { name 1, i 3, t 5, ints 8 }; undefined when the node has no attribute of that name. */
export function attributeOf(node: OnnxNode, name: string): Attribute | undefined {
  const encoded = node.attributes.find((each) => attributeName(each) === name)
  if (encoded === undefined) return undefined
  const source = sourceOfBytes(encoded)
  const integers: number[] = []
  let tensor: Uint8Array | null = null
  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 3 || field.number === 8) for (const value of integersOf(source, field)) integers.push(Number(value))
    else if (field.number === 5) tensor = bytesOf(source, field)
  }
  return { integers, tensor }
}

/** An integer attribute; `fallback` when the node leaves it out. */
export function integerOf(node: OnnxNode, name: string, fallback: number): number {
  return attributeOf(node, name)?.integers[0] ?? fallback
}

/** AttributeProto { f 2 }: a float attribute; `fallback` when the node leaves it out. */
export function floatOf(node: OnnxNode, name: string, fallback: number): number {
  const encoded = node.attributes.find((each) => attributeName(each) === name)
  if (encoded === undefined) return fallback
  const source = sourceOfBytes(encoded)
  for (const field of fieldsOf(source, 0, source.sizeBytes)) if (field.number === 2) return Buffer.from(bytesOf(source, field)).readFloatLE()
  return fallback
}

/** AttributeProto { name 1 } */
export function attributeName(encoded: Uint8Array): string {
  const source = sourceOfBytes(encoded)
  for (const field of fieldsOf(source, 0, source.sizeBytes)) if (field.number === 1) return textOf(source, field)
  return ''
}
