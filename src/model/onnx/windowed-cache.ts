import { attributeName } from './attributes.ts'
import type { Graph, OnnxNode } from './graph.ts'

/** Attribute of GroupQueryAttention: past and present hold no more than the window, and places count from its start. */
const WINDOWED = 'sliding_window_cache'

/**
 * Makes attention with a cache of its window's size, which onnxruntime-genai's builder writes for local layers, attention without a
 * past: such a cache may not be empty. Who attends to whom is said by `local_window_size` alone, so the numbers of a text that is
 * scored at once are the same.
 */
export function withoutWindowedCaches(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.opType === 'GroupQueryAttention' ? withoutWindow(node) : node)) }
}

function withoutWindow(node: OnnxNode): OnnxNode {
  const attributes = node.attributes.filter((encoded) => attributeName(encoded) !== WINDOWED)
  return attributes.length === node.attributes.length ? node : { ...node, attributes, encoded: null }
}
