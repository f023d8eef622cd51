import { integerOf } from '../../model/onnx/attributes.ts'
import { FLOAT, INT32, INT64, UINT8 } from '../../model/onnx/data-types.ts'
import { broadcastDims } from './elementwise.ts'
import { axisOf, integerListOf, type Operation, type ShapeRule } from './shape-rule.ts'
import { type InferredTensor, tensorInfo } from './tensor-info.ts'

/**
 * (.., M, K) x (.., K, N) of any rank. The result has the type of the first factor unless `elementType` says otherwise.
 */
function product(a: InferredTensor | undefined, b: InferredTensor | undefined, elementType = a?.elementType ?? FLOAT): readonly InferredTensor[] | null {
  if (a === undefined || b === undefined) return null
  const [left, right] = [a.dims.length === 1 ? [1, ...a.dims] : a.dims, b.dims.length === 1 ? [...b.dims, 1] : b.dims]
  const batch = broadcastDims([left.slice(0, -2), right.slice(0, -2)])
  if (batch === null) return null
  const rows = a.dims.length === 1 ? [] : left.slice(-2, -1)
  const columns = b.dims.length === 1 ? [] : right.slice(-1)
  return [tensorInfo(elementType, [...batch, ...rows, ...columns])]
}

const gemm: ShapeRule = ({ inputs: [a, b], node }) => {
  if (a === undefined || b === undefined) return null
  const rows = a.dims[integerOf(node, 'transA', 0) === 1 ? 1 : 0] ?? 1
  const columns = b.dims[integerOf(node, 'transB', 0) === 1 ? 0 : 1] ?? 1
  return [tensorInfo(a.elementType, [rows, columns])]
}

/** Products with packed 4-bit or 8-bit weights, whose column count is only in the attribute N. */
const packedProduct: ShapeRule = ({ inputs: [a], node }) =>
  a === undefined ? null : [tensorInfo(a.elementType, [...a.dims.slice(0, -1), integerOf(node, 'N', 0)])]

/** Every output has the shape of the first input; the second is a statistic or the sum of a skip connection. */
const normalization: ShapeRule = ({ inputs: [input], node }) =>
  input === undefined ? null : Array.from({ length: node.outputs.length }, () => tensorInfo(input.elementType, input.dims))

function reduction({ inputs: [input, axesInput], node }: Operation, compute?: (values: readonly number[]) => number): readonly InferredTensor[] | null {
  if (input === undefined || axesInput?.values === null) return null
  const axes = axesInput?.values ?? integerListOf(node, 'axes') ?? input.dims.map((_, i) => i)
  const reduced = new Set(axes.map((axis) => axisOf(axis, input.dims.length)))
  const keeps = integerOf(node, 'keepdims', 1) === 1
  const dims = input.dims.flatMap((dim, i) => (reduced.has(i) ? (keeps ? [1] : []) : [dim]))
  const values = compute === undefined || input.values === null || input.dims.length > 1 ? null : [compute(input.values)]
  return [tensorInfo(input.elementType, dims, values)]
}

const argMax: ShapeRule = ({ inputs: [input], node }) => {
  if (input === undefined) return null
  const axis = axisOf(integerOf(node, 'axis', 0), input.dims.length)
  const keeps = integerOf(node, 'keepdims', 1) === 1
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

/**
 * Fused attention, with an empty past: (B, S, heads · head size), then the caches (B, key-value heads, S, head size).
 */
function attention(kvHeads: string): ShapeRule {
  return ({ inputs, node }) => {
    const [query, key] = inputs
    if (query === undefined) return null
    const heads = integerOf(node, 'num_heads', 1)
    const caches = integerOf(node, kvHeads, heads)
    const [B = 1, S = 1, width = 1] = query.dims
    // Without a key input, the query input holds query, key and value.
    const isPacked = key === undefined
    const headSize = isPacked ? width / (heads + 2 * caches) : width / heads
    const cache = tensorInfo(query.elementType, [B, caches, S, headSize])
    return [tensorInfo(query.elementType, [B, S, heads * headSize]), ...Array.from({ length: node.outputs.length - 1 }, () => cache)]
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
  ReduceMean: (operation) => reduction(operation),
  ReduceSum: (operation) => reduction(operation),
  ReduceMax: (operation) => reduction(operation),
  ReduceMin: (operation) => reduction(operation),
  ReduceProd: (operation) => reduction(operation, (values) => values.reduce((a, b) => a * b, 1)),
  ArgMax: argMax,
  TopK: topK,
  GroupQueryAttention: attention('kv_num_heads'),
  MultiHeadAttention: attention('num_heads'),
  RotaryEmbedding: rotary
}
