import { floatOf, integerOf } from '../onnx/attributes.ts'
import { findHead } from '../onnx/find-head.ts'
import { FLOAT, type Graph, type Initializer, type OnnxNode } from '../onnx/graph.ts'
import { sourceOfBytes } from '../onnx/wire.ts'
import { readTensor } from '../weights/stored-tensors.ts'

/** A product of rows (..., K) with a float32 matrix of the model, whose weights can be rounded. */
export interface RoundableProduct {
  readonly node: OnnxNode
  readonly weight: Initializer
  /** K */
  readonly inputSize: number
  /** N */
  readonly outputSize: number
  /** Stored as (N, K) instead of (K, N). */
  readonly isTransposed: boolean
  /** Of a Gemm: added to each row. */
  readonly bias: string | null
}

/** Smaller matrices cost little, and rounding their rows costs as much as for large ones. */
const SMALLEST_WEIGHTS = 1 << 15
const SMALLEST_SIDE = 64

/**
 * The products of a graph whose weights can be rounded: MatMul and Gemm with a float32 matrix that the file stores as it is
 * multiplied. The head is left out: its error would go into every logit as it is.
 */
export function roundableProducts(graph: Graph): RoundableProduct[] {
  const initializers = new Map(graph.initializers.map((each) => [each.name, each]))
  const head = new Set(findHead(graph).nodes.flatMap(({ outputs }) => outputs))
  return graph.nodes.flatMap((node) => {
    const weight = initializers.get(node.inputs[1] ?? '')
    if (weight === undefined || node.domain !== '' || head.has(node.outputs[0] ?? '') || !isStoredMatrix(weight)) return []
    const [rows = 0, columns = 0] = weight.dims
    if (node.opType === 'MatMul') return [{ node, weight, inputSize: rows, outputSize: columns, isTransposed: false, bias: null }]
    if (node.opType !== 'Gemm' || integerOf(node, 'transA', 0) !== 0 || floatOf(node, 'alpha', 1) !== 1 || floatOf(node, 'beta', 1) !== 1) return []
    const isTransposed = integerOf(node, 'transB', 0) === 1
    const [inputSize, outputSize] = isTransposed ? [columns, rows] : [rows, columns]
    return [{ node, weight, inputSize, outputSize, isTransposed, bias: node.inputs[2] || null }]
  })
}

/** Float32, of two dimensions, and in a file byte after byte. */
function isStoredMatrix({ dataType, dims, value }: Initializer): boolean {
  if (dataType !== FLOAT || dims.length !== 2) return false
  const [rows = 0, columns = 0] = dims
  if (Math.min(rows, columns) < SMALLEST_SIDE || rows * columns < SMALLEST_WEIGHTS) return false
  return !(value instanceof Uint8Array) || readTensor(sourceOfBytes(value), null).storage.kind === 'external'
}
