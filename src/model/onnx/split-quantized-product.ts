import { buildNode } from './build-node.ts'
import type { Graph, OnnxNode } from './graph.ts'

/**
 * Replaces every DynamicQuantizeMatMul by the two operators that it combines, so that the product can be separated from
 * the quantization of its whole input:
 *
 *     DynamicQuantizeMatMul(a, b, b_scale, b_zero_point, bias)
 *     = MatMulIntegerToFloat(q, b, scale, b_scale, zero_point, b_zero_point, bias)
 *       with q, scale, zero_point = DynamicQuantizeLinear(a)
 *
 * Source: onnxruntime's ContribOperators.md. onnxruntime fuses the pairs again where it can.
 */
export function splitQuantizedProducts(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.flatMap((node) => (node.opType === 'DynamicQuantizeMatMul' ? split(node) : [node])) }
}

function split({ domain, inputs, outputs: [output = ''] }: OnnxNode): OnnxNode[] {
  const [a = '', b = '', scale = '', zeroPoint = '', bias = ''] = inputs
  const quantized = ['quantized', 'scale', 'zero_point'].map((part) => `${output}/logpr.${part}`) as [string, string, string]
  const product = buildNode('MatMulIntegerToFloat', [quantized[0], b, quantized[1], scale, quantized[2], zeroPoint, bias], [output])
  return [buildNode('DynamicQuantizeLinear', [a], quantized), { ...product, domain }]
}
