import type { Graph, OnnxNode } from './graph.ts'
import { readFunction, readSubgraphNodes } from './read.ts'

/** Operators that choose one scale for a whole tensor of activations while they run. */
const WHOLE_TENSOR_QUANTIZERS = new Set(['DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM'])

/** One operator of a graph, or of a subgraph or function in it. */
export interface OperatorUse {
  readonly opType: string
  /** The node's name; may be empty. */
  readonly name: string
}

/**
 * The operators that quantize activations over a whole tensor, those inside subgraphs and called functions included. With
 * any, the numbers of a token depend on what else is in the tensor: later tokens, padding and other texts of the batch.
 * Operators that quantize row by row (MatMulNBits, whatever its accuracy level) are not among them.
 */
export function wholeTensorQuantizers(graph: Graph): OperatorUse[] {
  const functions = new Map(graph.functions.map(readFunction).map(({ domain, name, nodes }) => [`${domain}/${name}`, nodes]))

  const usesIn = (nodes: readonly OnnxNode[], callers: readonly string[]): OperatorUse[] =>
    nodes.flatMap((node) => {
      const own = WHOLE_TENSOR_QUANTIZERS.has(node.opType) ? [{ opType: node.opType, name: node.name }] : []
      const callee = `${node.domain}/${node.opType}`
      // A function must not call itself; a damaged file may say so.
      const called = callers.includes(callee) ? [] : usesIn(functions.get(callee) ?? [], [...callers, callee])
      return [...own, ...called, ...usesIn(node.attributes.flatMap(readSubgraphNodes), callers)]
    })
  return usesIn(graph.nodes, [])
}
