import type { OnnxNode } from './graph.ts'
import { bytesOf, fieldsOf, integersOf, sourceOfBytes, textOf } from './wire.ts'

/** The value of a node's attribute: AttributeProto { name 1, f 2, i 3, s 4, t 5, ints 8 }. */
export interface Attribute {
  /** Its one integer, or its list of integers. */
  readonly integers: readonly number[]
  readonly float: number | null
  readonly text: string | null
  /** An encoded TensorProto. */
  readonly tensor: Uint8Array | null
}

/** Passes over a graph ask for the same attributes again and again; nodes never change. */
const decoded = new WeakMap<OnnxNode, ReadonlyMap<string, Attribute>>()

/** Undefined when the node has no attribute of that name. */
export function attributeOf(node: OnnxNode, name: string): Attribute | undefined {
  const found = decoded.get(node) ?? new Map(node.attributes.map((encoded) => [attributeName(encoded), readAttribute(encoded)]))
  decoded.set(node, found)
  return found.get(name)
}

/** An integer attribute; `fallback`, the operator's default, when the node leaves it out. */
export function integerOf(node: OnnxNode, name: string, fallback: number): number {
  return attributeOf(node, name)?.integers[0] ?? fallback
}

/** A float attribute; `fallback`, the operator's default, when the node leaves it out. */
export function floatOf(node: OnnxNode, name: string, fallback: number): number {
  return attributeOf(node, name)?.float ?? fallback
}

export function attributeName(encoded: Uint8Array): string {
  const source = sourceOfBytes(encoded)
  for (const field of fieldsOf(source, 0, source.sizeBytes)) if (field.number === 1) return textOf(source, field)
  return ''
}

function readAttribute(encoded: Uint8Array): Attribute {
  const source = sourceOfBytes(encoded)
  const integers: number[] = []
  let float: number | null = null
  let text: string | null = null
  let tensor: Uint8Array | null = null
  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 2) float = Buffer.from(bytesOf(source, field)).readFloatLE()
    else if (field.number === 3 || field.number === 8) for (const value of integersOf(source, field)) integers.push(Number(value))
    else if (field.number === 4) text = textOf(source, field)
    else if (field.number === 5) tensor = bytesOf(source, field)
  }
  return { integers, float, text, tensor }
}
