import type { Graph, Initializer, OnnxNode, TensorInfo } from './graph.ts'
import { writeTensor } from './tensor.ts'
import { writeBytes, writeInteger } from './wire.ts'

/**
 * Encodes a graph as an ONNX model of some 100 kB: large weights become references to the files that they came from.
 * onnxruntime finds those files through `session.model_external_initializers_file_folder_path`.
 */
export function writeOnnx(graph: Graph): Uint8Array {
  return Buffer.concat([
    writeInteger(1, graph.irVersion),
    writeBytes(2, 'logpr'),
    writeBytes(7, writeGraph('logpr', graph)),
    ...[...graph.opsets].map(([domain, version]) => writeBytes(8, [writeBytes(1, domain), writeInteger(2, version)])),
    ...graph.functions.map((bytes) => writeBytes(25, bytes))
  ])
}

/** Encodes a GraphProto: the model's own, the body of a Scan or a branch of an If. */
export function writeGraph(name: string, graph: Pick<Graph, 'nodes' | 'initializers' | 'inputs' | 'outputs'>): Uint8Array {
  return Buffer.concat([
    ...graph.nodes.map((node) => writeBytes(1, writeNode(node))),
    writeBytes(2, name),
    ...graph.initializers.map((initializer) => writeBytes(5, writeInitializer(initializer))),
    ...graph.inputs.map((info) => writeBytes(11, writeTensorInfo(info))),
    ...graph.outputs.map((info) => writeBytes(12, writeTensorInfo(info)))
  ])
}

function writeNode(node: OnnxNode): Uint8Array {
  if (node.encoded !== null) return node.encoded
  return Buffer.concat([
    ...node.inputs.map((input) => writeBytes(1, input)),
    ...node.outputs.map((output) => writeBytes(2, output)),
    writeBytes(3, node.name),
    writeBytes(4, node.opType),
    ...node.attributes.map((attribute) => writeBytes(5, attribute)),
    ...(node.domain === '' ? [] : [writeBytes(7, node.domain)])
  ])
}

function writeInitializer(initializer: Initializer): Uint8Array {
  const { location, value } = initializer
  return value instanceof Uint8Array ? value : writeTensor(initializer, { location: location ?? '', ...value })
}

function writeTensorInfo({ name, elementType, shape }: TensorInfo): Uint8Array {
  const tensor = [writeInteger(1, elementType)]
  if (shape !== null)
    tensor.push(
      writeBytes(
        2,
        shape.map((dim) => writeBytes(1, writeDimension(dim)))
      )
    )
  return Buffer.concat([writeBytes(1, name), writeBytes(2, [writeBytes(1, tensor)])])
}

function writeDimension(dim: number | string | null): Uint8Array {
  if (dim === null) return new Uint8Array(0)
  return typeof dim === 'number' ? writeInteger(1, dim) : writeBytes(2, dim)
}
