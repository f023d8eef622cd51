import type { Graph, Initializer } from '../onnx/graph.ts'
import { externalFields, readTensor } from '../onnx/tensor.ts'
import { rewriteMessage, sourceOfBytes } from '../onnx/wire.ts'
import { externalRange } from './tensor-faults.ts'

/** The files that hold the weights from now on. */
interface NewLocations {
  /** Holds the weights that the model file itself contains. */
  readonly modelFile: string
  /** By the location that the graph names. */
  readonly dataFiles: ReadonlyMap<string, string>
}

/**
 * The same graph with the location of every weight replaced, including weights in branches of nodes and in functions.
 * Lengths become exact, because onnxruntime refuses a length that covers padding. Copies no weights.
 */
export function relocate(graph: Graph, locations: NewLocations): Graph {
  const tensor = (bytes: Uint8Array): Uint8Array => relocatedTensor(bytes, locations)
  const node = (bytes: Uint8Array): Uint8Array => (mayNameFile(bytes) ? rewriteMessage(bytes, { 5: attribute }) : bytes)
  const branch = (bytes: Uint8Array): Uint8Array => rewriteMessage(bytes, { 1: node, 5: tensor })
  const attribute = (bytes: Uint8Array): Uint8Array => (mayNameFile(bytes) ? rewriteMessage(bytes, { 5: tensor, 10: tensor, 6: branch, 11: branch }) : bytes)

  return {
    ...graph,
    initializers: graph.initializers.map((initializer) => relocatedInitializer(initializer, locations)),
    nodes: graph.nodes.map((each) => ({ ...each, attributes: each.attributes.map(attribute), encoded: each.encoded === null ? null : node(each.encoded) })),
    functions: graph.functions.map((bytes) => rewriteMessage(bytes, { 7: node }))
  }
}

function relocatedInitializer(initializer: Initializer, locations: NewLocations): Initializer {
  const { location, value } = initializer
  // A byte range is always one of the model file, even if a data file has the same name.
  if (!(value instanceof Uint8Array)) return { ...initializer, location: locations.modelFile }
  if (location === null) return initializer
  return { ...initializer, location: locations.dataFiles.get(location) ?? location, value: relocatedTensor(value, locations) }
}

/** TensorProto { external_data 13, data_location 14 } */
function relocatedTensor(bytes: Uint8Array, { dataFiles }: NewLocations): Uint8Array {
  const tensor = readTensor(sourceOfBytes(bytes))
  if (tensor.storage.kind !== 'external') return bytes
  const location = dataFiles.get(tensor.storage.location ?? '')
  if (location === undefined) return bytes
  return Buffer.concat([rewriteMessage(bytes, { 13: null, 14: null }), ...externalFields({ location, ...externalRange(tensor) })])
}

/** Whether the bytes can hold an entry `location`. Most nodes hold none and need no rewrite. */
function mayNameFile(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('location')
}
