import { ServiceError } from '../../errors.ts'
import type { ByteRange, Graph } from '../onnx/graph.ts'
import { type Numerics, numericsOf } from '../onnx/numerics.ts'
import { ACTIVATIONS, BLOCK_SIZE, type EightBitForm } from './form.ts'
import { type RoundableProduct, roundableProducts } from './products.ts'

/** One rounded matrix, and where it will lie in the file of rounded weights. */
export interface RoundedWeight extends Pick<RoundableProduct, 'weight' | 'inputSize' | 'outputSize' | 'isTransposed'> {
  /** blocks: (N, K / 128, 128) uint8, zero at 128; rows: (K, N) int8 */
  readonly values: ByteRange
  /** float32; blocks: (N, K / 128); rows: (N,) */
  readonly scales: ByteRange
}

/** What becomes of a graph whose products get 8-bit weights. */
export interface PrecisionPlan {
  readonly form: EightBitForm
  readonly products: readonly RoundableProduct[]
  /** By the name of the weight; several products may share one. */
  readonly weights: ReadonlyMap<string, RoundedWeight>
  /** Of all rounded weights and their scales. */
  readonly sizeBytes: number
  readonly numerics: Numerics
}

/** Ranges begin at multiples of this, as the system maps files. */
const ALIGNMENT_BYTES = 4096

/** Plans 8-bit weights for a graph; reads no weight. Throws `configuration_invalid` where its weights are not float32. */
export function planPrecision(graph: Graph, form: EightBitForm): PrecisionPlan {
  const numerics = numericsOf(graph)
  if (numerics.weights !== 'float32' || numerics.activations !== 'float32')
    throw new ServiceError(
      'configuration_invalid',
      `--precision int8 rounds float32 weights, and these are ${numerics.weights} with ${numerics.activations} activations: leave it out, or choose the float32 file (--dtype fp32)`
    )
  const products = roundableProducts(graph)
  if (products.length === 0)
    throw new ServiceError('model_unsupported', '--precision int8 found no product with float32 weights that it could round: leave it out')
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
  if (found === undefined) throw new RangeError('the product is not of this plan')
  return found
}

/** A matrix that is multiplied both as it is and transposed is rounded twice. */
function keyOf(name: string, isTransposed: boolean): string {
  return isTransposed ? `${name} transposed` : name
}
