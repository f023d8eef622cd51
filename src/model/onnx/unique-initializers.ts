import { BYTES, bytesOf, type Field, fieldsOf, sourceOfBytes, textOf, writeBytes } from './wire.ts'

/** Field numbers of onnx.proto on the way from a model to the initializers of its nested graphs. */
const MODEL_GRAPH = 7
const GRAPH_NODE = 1
const GRAPH_INITIALIZER = 5
const NODE_ATTRIBUTE = 5
const ATTRIBUTE_GRAPH = 6
const ATTRIBUTE_GRAPHS = 11
const TENSOR_NAME = 8

/**
 * An encoded ONNX model in which every graph has each initializer once, the last of those with one name. onnxruntime 1.30
 * writes the initializers of nested graphs (the bodies of Scan and If) twice when it saves a graph, and then refuses to load it.
 * Throws WireError when the bytes are no message.
 */
export function withUniqueInitializers(model: Uint8Array): Uint8Array {
  return rewritten(model, (field, payload) => (field.number === MODEL_GRAPH ? uniqueIn(payload) : payload))
}

function uniqueIn(graph: Uint8Array): Uint8Array {
  const last = new Map<string, number>()
  const source = sourceOfBytes(graph)
  for (const field of fieldsOf(source, 0, graph.length)) if (field.number === GRAPH_INITIALIZER) last.set(nameOf(bytesOf(source, field)), field.start)
  return rewritten(graph, (field, payload) => {
    if (field.number === GRAPH_NODE) return rewritten(payload, ofNode)
    return field.number === GRAPH_INITIALIZER && last.get(nameOf(payload)) !== field.start ? null : payload
  })
}

function ofNode({ number }: Field, payload: Uint8Array): Uint8Array {
  return number === NODE_ATTRIBUTE ? rewritten(payload, ofAttribute) : payload
}

function ofAttribute({ number }: Field, payload: Uint8Array): Uint8Array {
  return number === ATTRIBUTE_GRAPH || number === ATTRIBUTE_GRAPHS ? uniqueIn(payload) : payload
}

function nameOf(tensor: Uint8Array): string {
  const source = sourceOfBytes(tensor)
  for (const field of fieldsOf(source, 0, tensor.length)) if (field.number === TENSOR_NAME) return textOf(source, field)
  return ''
}

/** A message with the payloads of its length-delimited fields as `change` gives them, null leaving the field out; others stay as they are. */
function rewritten(message: Uint8Array, change: (field: Field, payload: Uint8Array) => Uint8Array | null): Uint8Array {
  const source = sourceOfBytes(message)
  const parts: Uint8Array[] = []
  let at = 0
  for (const field of fieldsOf(source, 0, message.length)) {
    const payload = bytesOf(source, field)
    const changed = field.wireType === BYTES ? change(field, payload) : payload
    if (changed === payload) parts.push(message.subarray(at, field.end))
    else if (changed !== null) parts.push(writeBytes(field.number, changed))
    at = field.end
  }
  return Buffer.concat(parts)
}
