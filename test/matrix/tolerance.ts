import type { Activations } from '../../src/model/onnx/numerics.ts'
import type { LogProbs, OracleFile } from './oracle.ts'

/** Largest permitted differences between logpr and reference implementations, nats per token. */
export interface Tolerance {
  /** From transformers in float64 with unquantized weights; null for quantized weights, where it is only reported. */
  readonly toFloat64: number | null
  /** From the same file in bare onnxruntime on this processor, each text alone. */
  readonly toRuntime: number
  /** From the scores of bare onnxruntime stored with the model, computed on a processor with AVX2 and without VNNI. */
  readonly toStored: number
  /** Between a text scored in a batch and the same text scored alone. */
  readonly batched: number
}

const WHOLE_TENSOR = /^(DynamicQuantizeLinear|DynamicQuantizeMatMul)$/
const HALF = /16$/

/**
 * float32: 1e-4, ten times the rounding difference between float32 and float64. Weight-only quantization computes in
 * float32, so it must match its own file as closely. Half precision rounds logits of magnitude 10 by up to 4e-3, and a
 * batch of another shape rounds differently. Dynamic int8 is scored one text at a time, so its scores do not depend on
 * other texts. With signed weights, the head's sums of two products saturate on x86 without VNNI: onnxruntime's option
 * against that has no effect inside the Scan that contains the head.
 *
 * Another processor adds in another order. Only for activations rounded to 8 bits per block is the limit for stored
 * scores wider: a sum on the other side of a rounding boundary moves a value by 1/127 of its block, and x86 without
 * AVX2 does not round at all. Measured 9.3e-3 between AVX2 and AVX-512 VNNI, and 0.43 without AVX2
 * (docs/reference/numerics-across-processors.md).
 */
export function toleranceOf({ dtype, operators = [] }: OracleFile, activations: Activations): Tolerance {
  const isSigned = dtype === 'int8' || dtype === 'q8'
  if (operators.some((name) => WHOLE_TENSOR.test(name))) return { toFloat64: null, ...runtime(isSigned ? 2e-2 : 1e-4), batched: 1e-4 }
  if (HALF.test(dtype)) return { toFloat64: null, ...runtime(0.1), batched: 0.1 }
  if (activations === 'int8_blocks') return { toFloat64: null, ...runtime(1e-4, 1), batched: 1e-4 }
  return { toFloat64: dtype === 'fp32' ? 1e-4 : null, ...runtime(1e-4), batched: 1e-4 }
}

function runtime(toRuntime: number, toStored = toRuntime): Pick<Tolerance, 'toRuntime' | 'toStored'> {
  return { toRuntime, toStored }
}

/** Largest absolute difference of a token, nats; infinite when the token counts differ or a score is NaN. */
export function largestDifference(a: LogProbs, b: LogProbs): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (const [i, text] of a.entries()) {
    const other = b[i] ?? []
    if (text.length !== other.length) return Number.POSITIVE_INFINITY
    for (const [k, value] of text.entries()) {
      const difference = Math.abs(value - (other[k] ?? Number.NaN))
      largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference)
    }
  }
  return largest
}
