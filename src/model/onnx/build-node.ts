import { FLOAT, INT64 } from './data-types.ts'
import type { Initializer, OnnxNode } from './graph.ts'
import { type ExternalPlace, writeTensor } from './tensor.ts'
import { writeBytes, writeInteger } from './wire.ts'

/** AttributeProto.AttributeType */
const INT = 2
const GRAPH = 5
const INTS = 7

/** An attribute value: an integer, a list of integers, or the encoded GraphProto of a subgraph. */
type AttributeValue = number | readonly number[] | Uint8Array

interface NodeParts {
  readonly attributes?: Readonly<Record<string, AttributeValue>>
  /** Names that the node's subgraphs read from the graph around them. */
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

/** A node of onnxruntime's contributed operators, which every build of it has. */
export function buildContributedNode(opType: string, inputs: readonly string[], outputs: readonly string[], parts: NodeParts = {}): OnnxNode {
  return { ...buildNode(opType, inputs, outputs, parts), domain: 'com.microsoft' }
}

/** An int64 tensor inside the graph; `dims` [] makes a scalar. */
export function buildInt64(name: string, dims: readonly number[], values: readonly number[]): Initializer {
  return buildTensor(name, dims, INT64, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))
}

/** A float32 tensor inside the graph. */
export function buildFloat(name: string, dims: readonly number[], values: readonly number[]): Initializer {
  return buildTensor(name, dims, FLOAT, new Uint8Array(Float32Array.from(values).buffer))
}

/** A tensor inside the graph, from its little-endian bytes; `dataType` is a TensorProto.DataType. */
export function buildTensor(name: string, dims: readonly number[], dataType: number, raw: Uint8Array): Initializer {
  return { name, dims, dataType, location: null, value: writeTensor({ name, dims, dataType }, raw) }
}

/** A tensor in a data file that the model did not come with; see `OpenGraph.withData`. */
export function buildExternal(name: string, dims: readonly number[], dataType: number, place: ExternalPlace): Initializer {
  return { name, dims, dataType, location: place.location, value: writeTensor({ name, dims, dataType }, place) }
}

function encodeAttribute(name: string, value: AttributeValue): Uint8Array {
  if (value instanceof Uint8Array) return Buffer.concat([writeBytes(1, name), writeBytes(6, value), writeInteger(20, GRAPH)])
  if (typeof value === 'number') return Buffer.concat([writeBytes(1, name), writeInteger(3, value), writeInteger(20, INT)])
  return Buffer.concat([writeBytes(1, name), ...value.map((entry) => writeInteger(8, entry)), writeInteger(20, INTS)])
}
