import type { Graph, Initializer } from '../onnx/graph.ts'
import { BYTES, fieldsOf, sourceOfBytes, writeBytes, writeInteger } from '../onnx/wire.ts'
import { readTensor } from './stored-tensors.ts'
import { externalRange } from './tensor-faults.ts'

/** Where the data lies from now on. */
export interface NewLocations {
  /** Of weights that lie in the model file itself. */
  readonly modelFile: string
  /** By the location that the graph names. */
  readonly dataFiles: ReadonlyMap<string, string>
}

type Rewrite = (payload: Uint8Array) => Uint8Array

/**
 * The same graph with every location of its weights replaced, those in branches of nodes and in functions included. Lengths
 * become exact: onnxruntime refuses one that covers padding. Copies no weights.
 */
export function relocate(graph: Graph, locations: NewLocations): Graph {
  const tensor = (bytes: Uint8Array): Uint8Array => relocatedTensor(bytes, locations)
  const node: Rewrite = (bytes) => (mayNameFile(bytes) ? rewritten(bytes, { 5: attribute }) : bytes)
  const branch: Rewrite = (bytes) => rewritten(bytes, { 1: node, 5: tensor })
  const attribute: Rewrite = (bytes) => (mayNameFile(bytes) ? rewritten(bytes, { 5: tensor, 10: tensor, 6: branch, 11: branch }) : bytes)

  return {
    ...graph,
    initializers: graph.initializers.map((initializer) => relocatedInitializer(initializer, locations)),
    nodes: graph.nodes.map((each) => ({ ...each, attributes: each.attributes.map(attribute), encoded: each.encoded === null ? null : node(each.encoded) })),
    functions: graph.functions.map((bytes) => rewritten(bytes, { 7: node }))
  }
}

function relocatedInitializer(initializer: Initializer, locations: NewLocations): Initializer {
  const { location, value } = initializer
  // A range is one of the model file, whatever its name; another file may have the same one.
  if (!(value instanceof Uint8Array)) return { ...initializer, location: locations.modelFile }
  if (location === null) return initializer
  return { ...initializer, location: locations.dataFiles.get(location) ?? location, value: relocatedTensor(value, locations) }
}

/** TensorProto { external_data 13 { key 1, value 2 }, data_location 14 } */
function relocatedTensor(bytes: Uint8Array, { dataFiles }: NewLocations): Uint8Array {
  const tensor = readTensor(sourceOfBytes(bytes), null)
  if (tensor.storage.kind !== 'external') return bytes
  const location = dataFiles.get(tensor.storage.location ?? '')
  if (location === undefined) return bytes
  const { offset, length } = externalRange(tensor)
  const entries = Object.entries({ location, offset: String(offset), length: String(length) })
  return Buffer.concat([
    rewritten(bytes, { 13: null, 14: null }),
    ...entries.map(([key, value]) => writeBytes(13, [writeBytes(1, key), writeBytes(2, value)])),
    writeInteger(14, 1)
  ])
}

/** The message with the payload of some fields changed, or the field left out (null); all others stay byte for byte. */
function rewritten(message: Uint8Array, changes: Readonly<Record<number, Rewrite | null>>): Uint8Array {
  const parts: Uint8Array[] = []
  let at = 0
  for (const { number, wireType, start, end } of fieldsOf(sourceOfBytes(message), 0, message.length)) {
    const change = changes[number]
    if (change === undefined) parts.push(message.subarray(at, end))
    else if (change !== null && wireType === BYTES) parts.push(writeBytes(number, change(message.subarray(start, end))))
    at = end
  }
  return Buffer.concat(parts)
}

/** Whether an entry `location` can be in there; most nodes have none and stay as they are. */
function mayNameFile(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('location')
}
