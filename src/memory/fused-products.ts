import type { OnnxNode } from '../model/onnx/graph.ts'
import { attributesOf } from './shapes/attributes.ts'

/** Products that onnxruntime joins with the transposition of a factor (MatmulTransposeFusion, FusedMatMul), and those transpositions. */
export interface FusedProducts {
  readonly products: ReadonlySet<OnnxNode>
  readonly transpositions: ReadonlySet<OnnxNode>
}

/** The scores of unfused attention, query x keys turned, are such a product. A scale between them is joined as well. */
export function fusedProducts(nodes: readonly OnnxNode[], reads: ReadonlyMap<string, number>): FusedProducts {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const throughScale = (name: string): OnnxNode | undefined => {
    const node = producers.get(name)
    return node?.opType === 'Mul' || node?.opType === 'Div' ? throughScale(node.inputs[0] ?? '') : node
  }
  const products = new Set<OnnxNode>()
  const transpositions = new Set<OnnxNode>()
  for (const node of nodes) {
    if (node.opType !== 'MatMul') continue
    for (const factor of node.inputs.map(throughScale)) {
      if (factor?.opType !== 'Transpose' || !swapsLastAxes(factor)) continue
      products.add(node)
      if (factor.outputs.every((name) => reads.get(name) === 1)) transpositions.add(factor)
    }
  }
  return { products, transpositions }
}

function swapsLastAxes(node: OnnxNode): boolean {
  const order = attributesOf(node).integers('perm')
  return order !== null && order.length > 1 && order.at(-1) === order.length - 2 && order.at(-2) === order.length - 1
}
