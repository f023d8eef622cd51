import { FLOAT, INT64 } from '../../model/onnx/graph.ts'
import { broadcastDims } from './elementwise.ts'
import { axisOf, type NodeInfo, type ShapeRule } from './node-info.ts'
import { type InferredTensor, tensorInfo } from './tensor-info.ts'

const UINT8 = 2
const INT32 = 6

/** (.., M, K) x (.., K, N) of any rank; `elementType` where it is not that of the first factor. */
function product(a: InferredTensor | undefined, b: InferredTensor | undefined, elementType = a?.elementType ?? FLOAT): readonly InferredTensor[] | null {
  if (a === undefined || b === undefined) return null
  const [left, right] = [a.dims.length === 1 ? [1, ...a.dims] : a.dims, b.dims.length === 1 ? [...b.dims, 1] : b.dims]
  const batch = broadcastDims([left.slice(0, -2), right.slice(0, -2)])
  if (batch === null) return null
  const rows = a.dims.length === 1 ? [] : left.slice(-2, -1)
  const columns = b.dims.length === 1 ? [] : right.slice(-1)
  return [tensorInfo(elementType, [...batch, ...rows, ...columns])]
}

const gemm: ShapeRule = ({ inputs: [a, b], attributes }) => {
  if (a === undefined || b === undefined) return null
  const rows = a.dims[attributes.integer('transA', 0) === 1 ? 1 : 0] ?? 1
  const columns = b.dims[attributes.integer('transB', 0) === 1 ? 0 : 1] ?? 1
  return [tensorInfo(a.elementType, [rows, columns])]
}

/** Products with weights whose shape only the attribute N tells: packed in 4 or 8 bits. */
const packedProduct: ShapeRule = ({ inputs: [a], attributes }) =>
  a === undefined ? null : [tensorInfo(a.elementType, [...a.dims.slice(0, -1), attributes.integer('N', 0)])]

/** Output like the first input; a further output, where asked for, too (statistics, the sum of a skip connection). */
const normalization: ShapeRule = ({ inputs: [input], outputCount }) =>
  input === undefined ? null : Array.from({ length: outputCount }, () => tensorInfo(input.elementType, input.dims))

function reduction({ inputs: [input, axesInput], attributes }: NodeInfo, compute?: (values: readonly number[]) => number): readonly InferredTensor[] | null {
  if (input === undefined || axesInput?.values === null) return null
  const axes = axesInput?.values ?? attributes.integers('axes') ?? input.dims.map((_, i) => i)
  const reduced = new Set(axes.map((axis) => axisOf(axis, input.dims.length)))
  const keeps = attributes.integer('keepdims', 1) === 1
  const dims = input.dims.flatMap((dim, i) => (reduced.has(i) ? (keeps ? [1] : []) : [dim]))
  const values = compute === undefined || input.values === null || input.dims.length > 1 ? null : [compute(input.values)]
  return [tensorInfo(input.elementType, dims, values)]
}

const argMax: ShapeRule = (node) => {
  const [input] = node.inputs
  if (input === undefined) return null
  const axis = axisOf(node.attributes.integer('axis', 0), input.dims.length)
  const keeps = node.attributes.integer('keepdims', 1) === 1
  return [
    tensorInfo(
      INT64,
      input.dims.flatMap((dim, i) => (i === axis ? (keeps ? [1] : []) : [dim]))
    )
  ]
}

const topK: ShapeRule = ({ inputs: [input, k] }) => {
  if (input === undefined || k?.values == null) return null
  const dims = [...input.dims.slice(0, -1), k.values[0] ?? 1]
  return [tensorInfo(input.elementType, dims), tensorInfo(INT64, dims)]
}

/** Attention in one operator: output like the query, then the caches (B, heads, past + S, head size). */
function attention(kvHeads: string): ShapeRule {
  return ({ inputs, outputCount, attributes }) => {
    const [query, key] = inputs
    if (query === undefined) return null
    const heads = attributes.integer('num_heads', 1)
    const caches = attributes.integer(kvHeads, heads)
    const [B = 1, S = 1, width = 1] = query.dims
    // Without a key the query holds all three.
    const isPacked = key === undefined
    const headSize = isPacked ? width / (heads + 2 * caches) : width / heads
    const cache = tensorInfo(query.elementType, [B, caches, S, headSize])
    return [tensorInfo(query.elementType, [B, S, heads * headSize]), ...Array.from({ length: outputCount - 1 }, () => cache)]
  }
}

const rotary: ShapeRule = ({ inputs: [input] }) => (input === undefined ? null : [tensorInfo(input.elementType, input.dims)])

export const PRODUCT_RULES: Readonly<Record<string, ShapeRule>> = {
  MatMul: ({ inputs: [a, b] }) => product(a, b),
  MatMulInteger: ({ inputs: [a, b] }) => product(a, b, INT32),
  MatMulIntegerToFloat: ({ inputs: [a, b] }) => product(a, b, FLOAT),
  DynamicQuantizeMatMul: ({ inputs: [a, b] }) => product(a, b, FLOAT),
  DynamicQuantizeLinear: ({ inputs: [a] }) => (a === undefined ? null : [tensorInfo(UINT8, a.dims), tensorInfo(FLOAT, []), tensorInfo(UINT8, [])]),
  QuantizeLinear: ({ inputs: [a, , zeroPoint] }) => (a === undefined ? null : [tensorInfo(zeroPoint?.elementType ?? UINT8, a.dims)]),
  DequantizeLinear: ({ inputs: [a, scale] }) => (a === undefined ? null : [tensorInfo(scale?.elementType ?? FLOAT, a.dims)]),
  Gemm: gemm,
  MatMulNBits: packedProduct,
  MatMulBnb4: packedProduct,
  LayerNormalization: normalization,
  SimplifiedLayerNormalization: normalization,
  RMSNormalization: normalization,
  SkipLayerNormalization: normalization,
  SkipSimplifiedLayerNormalization: normalization,
  ReduceMean: (node) => reduction(node),
  ReduceSum: (node) => reduction(node),
  ReduceMax: (node) => reduction(node),
  ReduceMin: (node) => reduction(node),
  ReduceProd: (node) => reduction(node, (values) => values.reduce((a, b) => a * b, 1)),
  ArgMax: argMax,
  TopK: topK,
  GroupQueryAttention: attention('kv_num_heads'),
  MultiHeadAttention: attention('num_heads'),
  RotaryEmbedding: rotary
}
