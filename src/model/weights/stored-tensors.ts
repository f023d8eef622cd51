import type { Graph, Initializer, OnnxNode } from '../onnx/graph.ts'
import { readTensor, type Tensor } from '../onnx/tensor.ts'
import { BYTES, type ByteSource, bytesOf, fieldsOf, sourceOfBytes } from '../onnx/wire.ts'

/** A tensor of a model file: an initializer, or a constant inside a node, a branch or a function. */
export interface StoredTensor extends Tensor {
  /** The graph whose initializer it is; null for a constant of a node. */
  readonly scope: string | null
}

/** Every tensor of a graph, also in branches of nodes and in functions. Throws WireError when one is damaged. */
export function storedTensors(graph: Graph): StoredTensor[] {
  return [
    ...graph.initializers.map(ofInitializer),
    ...graph.nodes.flatMap((node) => node.attributes.flatMap((attribute) => inAttribute(sourceOfBytes(attribute), nameOf(node)))),
    ...graph.functions.flatMap((bytes) => inNodes(sourceOfBytes(bytes), 7, 'function'))
  ]
}

function ofInitializer({ name, dims, dataType, value }: Initializer): StoredTensor {
  if (value instanceof Uint8Array) return { ...readTensor(sourceOfBytes(value)), scope: 'graph' }
  return { name, dims: dims.map(BigInt), dataType, storage: { kind: 'raw', ...value }, scope: 'graph' }
}

/** AttributeProto { t 5, g 6, tensors 10, graphs 11 } */
function inAttribute(source: ByteSource, owner: string): StoredTensor[] {
  return messagesOf(source).flatMap(([number, bytes]) => {
    if (number === 5 || number === 10) return [{ ...readTensor(bytes), scope: null }]
    if (number !== 6 && number !== 11) return []
    const initializers = messagesOf(bytes).flatMap(([part, tensor]) => (part === 5 ? [{ ...readTensor(tensor), scope: `branch of ${owner}` }] : []))
    return [...initializers, ...inNodes(bytes, 1, owner)]
  })
}

/** NodeProto { attribute 5 }; `nodeField` is the field of a graph or of a function that holds its nodes. */
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

function nameOf({ name, opType }: OnnxNode): string {
  return name === '' ? opType : name
}
