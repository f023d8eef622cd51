import { integerOf } from './attributes.ts'
import { BFLOAT16, FLOAT, FLOAT16, INT4, INT8, UINT4, UINT8 } from './data-types.ts'
import { type Graph, type OnnxNode, producersOf } from './graph.ts'
import { readFunction, readSubgraphNodes } from './read.ts'

/** How matrix products store their weights. */
type WeightFormat = 'float32' | 'float16' | 'bfloat16' | 'int8' | 'uint8' | 'int4' | 'int2' | 'int1' | 'bnb4' | 'other'
/**
 * The values between operators: floats of a precision, or 8-bit integers.
 *
 *     int8_static   with a fixed scale
 *     int8_blocks   with a scale for each block of a row, inside a product (accuracy_level 4 of MatMulNBits)
 *     int8_rows     with a scale for each row
 *     int8_tensor   with a scale for a whole tensor, so that a row depends on others
 */
export type Activations = 'float32' | 'float16' | 'bfloat16' | 'int8_static' | 'int8_blocks' | 'int8_rows' | 'int8_tensor'

/** The precision that a graph computes in, whatever its file name says. */
export interface Numerics {
  readonly weights: WeightFormat
  readonly activations: Activations
  readonly logits: 'float32' | 'float16' | 'bfloat16'
}

/** Contributed operators whose weights have `bits` bits, four by default. */
const N_BITS = new Set(['MatMulNBits', 'QMoE', 'GatherBlockQuantized'])
const PRODUCTS = new Set(['MatMul', 'Gemm', 'FusedMatMul', 'Conv', 'MatMulInteger', 'DynamicQuantizeMatMul', 'MatMulIntegerToFloat'])
const COARSEST_FIRST: readonly WeightFormat[] = ['int1', 'int2', 'bnb4', 'int4', 'other', 'int8', 'uint8', 'bfloat16', 'float16', 'float32']
const FORMAT_BY_TYPE: ReadonlyMap<number, WeightFormat> = new Map([
  [FLOAT, 'float32'],
  [FLOAT16, 'float16'],
  [BFLOAT16, 'bfloat16'],
  [INT8, 'int8'],
  [UINT8, 'uint8'],
  [INT4, 'int4'],
  [UINT4, 'int4']
])
/** Operators that pass weights on to a product. */
const WEIGHT_PATH = new Set(['Cast', 'Transpose', 'DequantizeLinear', 'Identity', 'Reshape'])

/** From operators and weight types: the coarsest weights and activations, because they bound the accuracy of scores. */
export function numericsOf(graph: Graph): Numerics {
  const logits = graph.outputs.find(({ name }) => /logits/i.test(name))
  return { weights: weightFormat(graph), activations: activationsOf(graph), logits: floatName(logits?.elementType ?? FLOAT) }
}

function activationsOf(graph: Graph): Activations {
  if (wholeTensorQuantizers(graph).length > 0) return 'int8_tensor'
  // Causal, because each row is rounded by itself; but a tiny difference in one row may grow to 1/254 of its block.
  if (graph.nodes.some((node) => node.opType === 'MatMulNBits' && integerOf(node, 'accuracy_level', 0) === 4)) return 'int8_blocks'
  if (graph.nodes.some(({ opType }) => opType === 'QuantizeLinear' || opType === 'QLinearMatMul')) return 'int8_static'
  const types = new Map(graph.initializers.map(({ name, dataType }) => [name, dataType]))
  // A weight that an operator reads directly has the type of the activations; one that is cast first may differ.
  const direct = new Set(graph.nodes.filter(({ opType }) => opType !== 'Cast').flatMap(({ inputs }) => inputs.map((name) => types.get(name))))
  if (direct.has(BFLOAT16)) return 'bfloat16'
  return direct.has(FLOAT16) ? 'float16' : 'float32'
}

function weightFormat(graph: Graph): WeightFormat {
  const initializers = new Map(graph.initializers.map((each) => [each.name, each]))
  const producers = producersOf(graph)
  const found = new Set<WeightFormat>()

  const addWeights = (name: string): void => {
    const node = producers.get(name)
    if (node !== undefined && WEIGHT_PATH.has(node.opType)) return addWeights(node.inputs[0] ?? '')
    const weights = initializers.get(name)
    // Vectors and scalars are scales and biases, not weights.
    if (weights !== undefined && weights.dims.length > 1) found.add(FORMAT_BY_TYPE.get(weights.dataType) ?? 'other')
  }
  for (const node of graph.nodes) {
    if (N_BITS.has(node.opType)) found.add(formatOfBits(node))
    else if (node.opType === 'MatMulBnb4') found.add('bnb4')
    else if (PRODUCTS.has(node.opType)) addWeights(node.inputs[1] ?? '')
    else if (node.opType === 'QLinearMatMul') addWeights(node.inputs[3] ?? '')
  }
  return COARSEST_FIRST.find((format) => found.has(format)) ?? 'float32'
}

function formatOfBits(node: OnnxNode): WeightFormat {
  const bits = integerOf(node, node.opType === 'QMoE' ? 'expert_weight_bits' : 'bits', 4)
  return bits === 8 ? 'int8' : bits === 2 ? 'int2' : bits === 1 ? 'int1' : bits === 4 ? 'int4' : 'other'
}

function floatName(dataType: number): Numerics['logits'] {
  if (dataType === FLOAT16) return 'float16'
  return dataType === BFLOAT16 ? 'bfloat16' : 'float32'
}

/** Operators that choose one scale for a whole tensor of activations at run time. */
const WHOLE_TENSOR_QUANTIZERS = new Set(['DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM'])

/** An operator of a graph, or of a subgraph or function in it. */
interface OperatorUse {
  readonly opType: string
  /** The node's name; may be empty. */
  readonly name: string
}

/**
 * The operators that quantize activations over a whole tensor, including those in subgraphs and called functions. With
 * any of them, the scores of a token depend on everything in the tensor: later tokens, padding and other texts of the
 * batch. Operators that quantize row by row, such as MatMulNBits at any accuracy level, are not among them.
 */
export function wholeTensorQuantizers(graph: Graph): OperatorUse[] {
  const functions = new Map(graph.functions.map(readFunction).map(({ domain, name, nodes }) => [`${domain}/${name}`, nodes]))

  const usesIn = (nodes: readonly OnnxNode[], callers: readonly string[]): OperatorUse[] =>
    nodes.flatMap((node) => {
      const own = WHOLE_TENSOR_QUANTIZERS.has(node.opType) ? [{ opType: node.opType, name: node.name }] : []
      const callee = `${node.domain}/${node.opType}`
      // A function may not call itself, but in a damaged file it can.
      const called = callers.includes(callee) ? [] : usesIn(functions.get(callee) ?? [], [...callers, callee])
      return [...own, ...called, ...usesIn(node.attributes.flatMap(readSubgraphNodes), callers)]
    })
  return usesIn(graph.nodes, [])
}
