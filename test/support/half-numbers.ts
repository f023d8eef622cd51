import { halfBits } from '../../src/engine/process/half-tensor.ts'
import type { Tensor } from '../../src/engine/process/onnxruntime.ts'

/** The values of a float32 or float16 tensor. */
export function numbersOf({ type, data }: Tensor): number[] {
  if (type === 'float32') return Array.from(data as Float32Array)
  if (type !== 'float16') throw new TypeError(`expected float32 or float16, got ${type}`)
  return Array.from(halfBits(data as Uint16Array), halfNumber)
}

function halfNumber(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  const size = exponent === 31 ? (fraction === 0 ? Infinity : Number.NaN) : exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return bits >> 15 === 1 ? -size : size
}
