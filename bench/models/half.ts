const FLOAT_BITS = new Float32Array(1)
const INTEGER_BITS = new Uint32Array(FLOAT_BITS.buffer)

/** The bits of the nearest float16, ties away from zero. Too large values become infinity, too small ones zero. */
function halfBits(value: number): number {
  FLOAT_BITS[0] = value
  const bits = INTEGER_BITS[0] ?? 0
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 112
  if (exponent >= 31) return sign | 0x7c00
  if (exponent <= 0) return sign
  return sign | ((((exponent << 10) | ((bits >>> 13) & 0x3ff)) + ((bits >>> 12) & 1)) & 0x7fff)
}

export function halfFloats(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, halfBits)
}
