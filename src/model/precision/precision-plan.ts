import { ServiceError } from '../../errors.ts'
import { floatOf, integerOf } from '../onnx/attributes.ts'
import { FLOAT } from '../onnx/data-types.ts'
import { findHead } from '../onnx/find-head.ts'
import type { Graph, Initializer, OnnxNode } from '../onnx/graph.ts'
import { type Numerics, numericsOf } from '../onnx/numerics.ts'
import { readTensor } from '../onnx/tensor.ts'
import { type ByteRange, sourceOfBytes } from '../onnx/wire.ts'
import type { OpenModel } from '../open-model.ts'
import { ACTIVATIONS, BLOCK_SIZE, type EightBitForm, formHere, type Precision } from './eight-bit-form.ts'

/** A product of rows (..., K) with a float32 matrix that can be rounded. */
export interface RoundableProduct {
  readonly node: OnnxNode
  readonly weight: Initializer
  /** K */
  readonly inputSize: number
  /** N */
  readonly outputSize: number
  /** Stored as (N, K) instead of (K, N). */
  readonly isTransposed: boolean
  /** The bias of a Gemm, added to each row. */
  readonly bias: string | null
}

/** A rounded matrix, and its place in the file of rounded weights. */
interface RoundedWeight extends Pick<RoundableProduct, 'weight' | 'inputSize' | 'outputSize' | 'isTransposed'> {
  /** blocks: (N, K / 128, 128) uint8, zero at 128; rows: (K, N) int8 */
  readonly values: ByteRange
  /** float32; blocks: (N, K / 128); rows: (N,) */
  readonly scales: ByteRange
}

/** Which products of a graph get 8-bit weights, and where those go. */
export interface PrecisionPlan {
  readonly form: EightBitForm
  readonly products: readonly RoundableProduct[]
  /** By `keyOf` the weight; several products may share one. */
  readonly weights: ReadonlyMap<string, RoundedWeight>
  /** Size of the file: all rounded weights and their scales. */
  readonly sizeBytes: number
  /** Numerics of the graph with 8-bit weights. */
  readonly numerics: Numerics
}

/**
 * The model as it will run, with the plan for its weights; a null plan leaves them unchanged. Throws as `planPrecision`
 * does, and `configuration_invalid` when 8-bit weights are asked for on a GPU.
 */
export function resolvePrecision(
  model: OpenModel,
  precision: Precision,
  executionProvider: 'cpu' | 'cuda',
  form: EightBitForm = formHere()
): { readonly model: OpenModel; readonly plan: PrecisionPlan | null } {
  if (precision === 'auto') return { model, plan: null }
  if (executionProvider !== 'cpu')
    throw new ServiceError('configuration_invalid', '--precision int8 works only on the CPU: leave it out, or add --execution-provider cpu')
  const plan = planPrecision(model.graph, form)
  return {
    model: { ...model, dtype: 'int8', dtypeChoice: `${model.dtypeChoice}; its weights rounded to 8 bits (--precision int8)`, numerics: plan.numerics },
    plan
  }
}

/** Ranges start at multiples of a page, because the file is mapped. */
const ALIGNMENT_BYTES = 4096

/** Plans 8-bit weights; reads no weights. Throws `configuration_invalid` when those of the graph are not float32. */
export function planPrecision(graph: Graph, form: EightBitForm): PrecisionPlan {
  const numerics = numericsOf(graph)
  if (numerics.weights !== 'float32' || numerics.activations !== 'float32')
    throw new ServiceError(
      'configuration_invalid',
      `--precision int8 rounds float32 weights, but this model has ${numerics.weights} weights with ${numerics.activations} activations: leave it out, or choose the float32 file (--dtype fp32)`
    )
  const products = roundableProducts(graph)
  if (products.length === 0)
    throw new ServiceError('model_unsupported', '--precision int8 found no matrix product whose float32 weights can be rounded: leave it out')
  const weights = new Map<string, RoundedWeight>()
  let end = 0
  const take = (length: number): ByteRange => {
    const offset = Math.ceil(end / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    end = offset + length
    return { offset, length }
  }
  for (const { weight, inputSize, outputSize, isTransposed } of products) {
    if (weights.has(keyOf(weight.name, isTransposed))) continue
    const blocks = Math.ceil(inputSize / BLOCK_SIZE)
    const values = take(form === 'blocks' ? outputSize * blocks * BLOCK_SIZE : inputSize * outputSize)
    const scales = take(4 * outputSize * (form === 'blocks' ? blocks : 1))
    weights.set(keyOf(weight.name, isTransposed), { weight, inputSize, outputSize, isTransposed, values, scales })
  }
  return { form, products, weights, sizeBytes: end, numerics: { ...numerics, weights: 'int8', activations: ACTIVATIONS[form] } }
}

/** The rounded weight of a product. */
export function weightOf({ weights }: PrecisionPlan, { weight, isTransposed }: RoundableProduct): RoundedWeight {
  const found = weights.get(keyOf(weight.name, isTransposed))
  if (found === undefined) throw new RangeError('the product is not part of this plan')
  return found
}

/** A matrix that is used both as stored and transposed is rounded twice. */
function keyOf(name: string, isTransposed: boolean): string {
  return isTransposed ? `${name} transposed` : name
}

/** Smaller matrices gain little, and rounding their activations costs as much as for large ones. */
const SMALLEST_WEIGHTS = 1 << 15
const SMALLEST_SIDE = 64

/**
 * The products of a graph whose weights can be rounded: MatMul and Gemm with a stored float32 matrix. The LM head is
 * excluded, because its rounding error would go directly into every logit.
 */
function roundableProducts(graph: Graph): RoundableProduct[] {
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

/** A float32 matrix that is large enough and stored as raw bytes in a file. */
function isStoredMatrix({ dataType, dims, value }: Initializer): boolean {
  if (dataType !== FLOAT || dims.length !== 2) return false
  const [rows = 0, columns = 0] = dims
  if (Math.min(rows, columns) < SMALLEST_SIDE || rows * columns < SMALLEST_WEIGHTS) return false
  return !(value instanceof Uint8Array) || readTensor(sourceOfBytes(value)).storage.kind === 'external'
}
