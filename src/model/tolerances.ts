/** Precisions whose activations are half floats, or quantized over a whole tensor. */
const HALF = new Set(['fp16', 'q4f16'])
const DYNAMIC = new Set(['int8', 'uint8', 'q8'])

/**
 * How far two passes over one token may differ, in nats, before it is a fault: about a hundred times the rounding noise
 * that was measured for these numerics. Weight-only quantization keeps float activations.
 */
export function toleranceNats(dtype: string, executionProvider: 'cpu' | 'cuda'): number {
  if (DYNAMIC.has(dtype)) return 0.5
  if (HALF.has(dtype)) return 0.1
  // TF32 may be in use.
  return executionProvider === 'cuda' ? 1e-2 : 1e-3
}
