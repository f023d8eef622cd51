import { Tensor } from './onnxruntime.ts'

/**
 * Creates a float16 tensor that onnxruntime can read on every Node version. Its binding only reads the bits from a
 * Uint16Array. Since Node 24, which has Float16Array, `Tensor` exposes them as that type, in which the binding finds 0
 * bytes: "not enough space: expected 256, got 0" (microsoft/onnxruntime#32323). So `data` is reset to the Uint16Array.
 */
export function halfTensor(bits: Uint16Array, dims: readonly number[]): Tensor {
  const tensor = new Tensor('float16', bits, dims)
  if (tensor.data !== bits) Object.defineProperty(tensor, 'data', { value: bits })
  return tensor
}

/** Views float16 data, a Uint16Array or since Node 24 a Float16Array, as its bits, without a copy. */
export function halfBits({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint16Array {
  return new Uint16Array(buffer, byteOffset, byteLength / Uint16Array.BYTES_PER_ELEMENT)
}
