import { attributeOf, integerOf } from './attributes.ts'
import type { Head } from './find-head.ts'
import { type Graph, producersOf } from './graph.ts'

/**
 * How many logits a row has, as the graph has it; null when nothing in it says so. Configurations may say less, as in padded
 * vocabularies.
 */
export function vocabularyWidth(graph: Graph, { logits, nodes }: Head): number | null {
  const declared = logits.shape?.at(-1)
  if (typeof declared === 'number') return declared
  const [product] = nodes
  if (product === undefined) return null
  // MatMulNBits and MatMulBnb4 of com.microsoft: N columns.
  const columns = integerOf(product, 'N', 0)
  if (columns > 0) return columns
  const isTransposed = integerOf(product, 'transB', 0) === 1
  return widthOf(graph, product.inputs[product.opType === 'QLinearMatMul' ? 3 : 1] ?? '', isTransposed)
}

/** The last dimension of a matrix, or its first when it is used transposed, through what stands between it and its weights. */
function widthOf(graph: Graph, name: string, isTransposed: boolean): number | null {
  const weights = graph.initializers.find((each) => each.name === name)
  if (weights !== undefined) return weights.dims.at(isTransposed ? -2 : -1) ?? null
  const node = producersOf(graph).get(name)
  if (node === undefined) return null
  if (node.opType === 'Transpose') {
    const [last = 0, first = 1] = attributeOf(node, 'perm')?.integers.toReversed() ?? []
    return widthOf(graph, node.inputs[0] ?? '', last < first ? !isTransposed : isTransposed)
  }
  return node.opType === 'DequantizeLinear' || node.opType === 'Cast' || node.opType === 'Identity' ? widthOf(graph, node.inputs[0] ?? '', isTransposed) : null
}
