/** Precisions whose activations are half floats, or quantized over a whole tensor. */
const HALF = new Set(['fp16', 'q4f16'])
const DYNAMIC = new Set(['int8', 'uint8', 'q8'])

/** Activations that share one scale over a whole tensor: 0.1 to 0.2 nats a token on average, single tokens up to 1.9. */
export const APPROXIMATE_CEILING_NATS = 0.5

/**
 * How far two passes over one token may differ at most, in nats, before it is a fault: about a hundred times the rounding
 * noise that was measured for these numerics. The start-up self-test finds the tolerance below it. Weight-only
 * quantization keeps float activations.
 */
export function toleranceCeilingNats(dtype: string, executionProvider: 'cpu' | 'cuda'): number {
  if (DYNAMIC.has(dtype)) return APPROXIMATE_CEILING_NATS
  if (HALF.has(dtype)) return 0.1
  // TF32 may be in use.
  return executionProvider === 'cuda' ? 1e-2 : 1e-3
}

/** Whether logits of this dtype should use the precision of float32. */
export function claimsFloat32(dtype: string): boolean {
  return dtype === 'fp32'
}
