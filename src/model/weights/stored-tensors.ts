import type { Graph, Initializer, OnnxNode } from '../onnx/graph.ts'
import { BYTES, type ByteSource, bytesOf, type Field, fieldsOf, integersOf, sourceOfBytes, textOf } from '../onnx/wire.ts'

/** A tensor as a model file stores it: an initializer, or a constant inside a node, a branch or a function. */
export interface StoredTensor {
  readonly name: string
  readonly dims: readonly bigint[]
  readonly dataType: number
  readonly storage: Storage
  /** The graph it is an initializer of; null for a constant of a node. */
  readonly scope: string | null
}

/** Where the bytes are. Entries of `external` are as the file spells them; absent ones are undefined. */
export type Storage =
  | { readonly kind: 'external'; readonly location: string | undefined; readonly offset: string | undefined; readonly length: string | undefined }
  | { readonly kind: 'raw'; readonly sizeBytes: number }
  /** In a field of its data type (float_data, int64_data), which onnxruntime decodes. */
  | { readonly kind: 'typed' }
  | { readonly kind: 'none' }

/** Fields of TensorProto that hold elements: float_data, int32_data, string_data, int64_data, double_data, uint64_data. */
const TYPED_FIELDS = new Set([4, 5, 6, 7, 10, 11])
const EXTERNAL = 1n

/** Every tensor of a graph, those in the branches of its nodes and in its functions included. Throws WireError when one is damaged. */
export function storedTensors(graph: Graph): StoredTensor[] {
  return [
    ...graph.initializers.map(ofInitializer),
    ...graph.nodes.flatMap((node) => node.attributes.flatMap((attribute) => inAttribute(sourceOfBytes(attribute), nameOf(node)))),
    ...graph.functions.flatMap((bytes) => inNodes(sourceOfBytes(bytes), 7, 'function'))
  ]
}

/** What a TensorProto says, without its elements. */
export function readTensor(source: ByteSource, scope: string | null): StoredTensor {
  const dims: bigint[] = []
  const external = new Map<string, string>()
  let name = ''
  let dataType = 0
  let isExternal = false
  let storage: Storage = { kind: 'none' }
  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 1) dims.push(...integersOf(source, field))
    else if (field.number === 2) dataType = Number(field.varint)
    else if (field.number === 8) name = textOf(source, field)
    else if (field.number === 9) storage = { kind: 'raw', sizeBytes: field.end - field.start }
    else if (field.number === 13) external.set(...readEntry(source, field))
    else if (field.number === 14) isExternal = field.varint === EXTERNAL
    else if (TYPED_FIELDS.has(field.number)) storage = { kind: 'typed' }
  }
  if (isExternal || external.has('location'))
    storage = { kind: 'external', location: external.get('location'), offset: external.get('offset'), length: external.get('length') }
  return { name, dims, dataType, storage, scope }
}

function ofInitializer({ name, dims, dataType, value }: Initializer): StoredTensor {
  if (value instanceof Uint8Array) return readTensor(sourceOfBytes(value), 'graph')
  return { name, dims: dims.map(BigInt), dataType, storage: { kind: 'raw', sizeBytes: value.length }, scope: 'graph' }
}

/** AttributeProto { t 5, g 6, tensors 10, graphs 11 } */
function inAttribute(source: ByteSource, owner: string): StoredTensor[] {
  return messagesOf(source).flatMap(([number, bytes]) => {
    if (number === 5 || number === 10) return [readTensor(bytes, null)]
    if (number !== 6 && number !== 11) return []
    const initializers = messagesOf(bytes).flatMap(([part, tensor]) => (part === 5 ? [readTensor(tensor, `branch of ${owner}`)] : []))
    return [...initializers, ...inNodes(bytes, 1, owner)]
  })
}

/** NodeProto { attribute 5 }, in the field of a graph or of a function that holds its nodes. */
function inNodes(source: ByteSource, nodeField: number, owner: string): StoredTensor[] {
  return messagesOf(source).flatMap(([number, node]) =>
    number === nodeField ? messagesOf(node).flatMap(([part, attribute]) => (part === 5 ? inAttribute(attribute, owner) : [])) : []
  )
}

function messagesOf(source: ByteSource): [number, ByteSource][] {
  return [...fieldsOf(source, 0, source.sizeBytes)].flatMap((field) =>
    field.wireType === BYTES ? [[field.number, sourceOfBytes(bytesOf(source, field))] as [number, ByteSource]] : []
  )
}

function readEntry(source: ByteSource, entry: Field): [string, string] {
  let key = ''
  let value = ''
  for (const part of fieldsOf(source, entry.start, entry.end)) {
    if (part.number === 1) key = textOf(source, part)
    else if (part.number === 2) value = textOf(source, part)
  }
  return [key, value]
}

function nameOf({ name, opType }: OnnxNode): string {
  return name === '' ? opType : name
}
