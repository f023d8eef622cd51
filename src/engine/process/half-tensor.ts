import { Tensor } from 'onnxruntime-node'

/**
 * A float16 tensor that onnxruntime can read on every Node. Its binding takes the bits from a Uint16Array alone. From Node 24 on, which has
 * Float16Array, `Tensor` shows them as one, and the binding counts 0 bytes in it: "not enough space: expected 256, got 0"
 * (microsoft/onnxruntime#32323). So `data` stays the array of bits.
 */
export function halfTensor(bits: Uint16Array, dims: readonly number[]): Tensor {
  const tensor = new Tensor('float16', bits, dims)
  if (tensor.data !== bits) Object.defineProperty(tensor, 'data', { value: bits })
  return tensor
}

/** The bits of float16 numbers, in whatever array this Node shows them: a Uint16Array or a Float16Array. Copies nothing. */
export function halfBits({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint16Array {
  return new Uint16Array(buffer, byteOffset, byteLength / Uint16Array.BYTES_PER_ELEMENT)
}
