import { readTensor } from './tensor.ts'
import { childrenOf, type Rewrite, rewriteMessage, sourceOfBytes, wholeOf } from './wire.ts'

/** Field numbers of onnx.proto from a model to the initializers of its nested graphs. */
const MODEL_GRAPH = 7
const GRAPH_NODE = 1
const GRAPH_INITIALIZER = 5
const NODE_ATTRIBUTE = 5
const ATTRIBUTE_GRAPH = 6
const ATTRIBUTE_GRAPHS = 11

/**
 * An encoded ONNX model in which every graph has each initializer once, the last of those with one name. When
 * onnxruntime 1.30 saves a graph, it writes the initializers of nested graphs (the bodies of Scan and If) twice, and
 * then refuses to load the file. Throws WireError when the bytes are no message.
 */
export function withUniqueInitializers(model: Uint8Array): Uint8Array {
  return rewriteMessage(model, { [MODEL_GRAPH]: uniqueInGraph })
}

const uniqueInGraph: Rewrite = (graph) => {
  const source = sourceOfBytes(graph)
  const last = new Map([...childrenOf(source, wholeOf(source), GRAPH_INITIALIZER)].map((field) => [readTensor(source, field).name, field.start]))
  return rewriteMessage(graph, {
    [GRAPH_NODE]: uniqueInNode,
    [GRAPH_INITIALIZER]: (tensor, { start }) => (last.get(readTensor(sourceOfBytes(tensor)).name) === start ? tensor : null)
  })
}

const uniqueInNode: Rewrite = (node) => rewriteMessage(node, { [NODE_ATTRIBUTE]: uniqueInAttribute })
const uniqueInAttribute: Rewrite = (attribute) => rewriteMessage(attribute, { [ATTRIBUTE_GRAPH]: uniqueInGraph, [ATTRIBUTE_GRAPHS]: uniqueInGraph })
