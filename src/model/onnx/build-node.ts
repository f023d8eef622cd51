import { type ByteRange, FLOAT, INT64, type Initializer, type OnnxNode } from './graph.ts'
import { writeBytes, writeInteger } from './wire.ts'

/** AttributeProto.AttributeType */
const INT = 2
const GRAPH = 5
const INTS = 7
/** TensorProto.DataLocation */
const EXTERNAL = 1

/** An attribute value: an integer, a list of integers, or the encoded GraphProto of a subgraph. */
type AttributeValue = number | readonly number[] | Uint8Array

interface NodeParts {
  readonly attributes?: Readonly<Record<string, AttributeValue>>
  readonly captures?: readonly string[]
}

/** A node of the standard operator set, named after its first output. */
export function buildNode(opType: string, inputs: readonly string[], outputs: readonly string[], parts: NodeParts = {}): OnnxNode {
  return {
    opType,
    domain: '',
    name: `${outputs[0]}/${opType}`,
    inputs,
    outputs,
    attributes: Object.entries(parts.attributes ?? {}).map(([name, value]) => encodeAttribute(name, value)),
    captures: parts.captures ?? [],
    encoded: null
  }
}

/** A node of onnxruntime's own operators, which every build of it has. */
export function buildContributedNode(opType: string, inputs: readonly string[], outputs: readonly string[], parts: NodeParts = {}): OnnxNode {
  return { ...buildNode(opType, inputs, outputs, parts), domain: 'com.microsoft' }
}

/** An int64 tensor that travels inside the graph; `dims` [] makes a scalar. */
export function buildInt64(name: string, dims: readonly number[], values: readonly number[]): Initializer {
  return buildTensor(name, dims, INT64, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))
}

/** A float32 tensor that travels inside the graph. */
export function buildFloat(name: string, dims: readonly number[], values: readonly number[]): Initializer {
  return buildTensor(name, dims, FLOAT, new Uint8Array(Float32Array.from(values).buffer))
}

/** A tensor that travels inside the graph, from its little-endian bytes; `dataType` is a TensorProto.DataType. */
export function buildTensor(name: string, dims: readonly number[], dataType: number, raw: Uint8Array): Initializer {
  const value = Buffer.concat([...dims.map((dim) => writeInteger(1, dim)), writeInteger(2, dataType), writeBytes(8, name), writeBytes(9, raw)])
  return { name, dims, dataType, location: null, value }
}

/** A tensor whose bytes lie in a data file under `location`, where the graph's other data files do not; see `OpenGraph.withData`. */
export function buildExternal(name: string, dims: readonly number[], dataType: number, at: { readonly location: string } & ByteRange): Initializer {
  const entries = Object.entries({ location: at.location, offset: String(at.offset), length: String(at.length) })
  const value = Buffer.concat([
    ...dims.map((dim) => writeInteger(1, dim)),
    writeInteger(2, dataType),
    writeBytes(8, name),
    ...entries.map(([key, entry]) => writeBytes(13, [writeBytes(1, key), writeBytes(2, entry)])),
    writeInteger(14, EXTERNAL)
  ])
  return { name, dims, dataType, location: at.location, value }
}

function encodeAttribute(name: string, value: AttributeValue): Uint8Array {
  if (value instanceof Uint8Array) return Buffer.concat([writeBytes(1, name), writeBytes(6, value), writeInteger(20, GRAPH)])
  if (typeof value === 'number') return Buffer.concat([writeBytes(1, name), writeInteger(3, value), writeInteger(20, INT)])
  return Buffer.concat([writeBytes(1, name), ...value.map((entry) => writeInteger(8, entry)), writeInteger(20, INTS)])
}
