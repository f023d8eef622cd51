import type { Numerics } from './onnx/numerics.ts'

/** Ceiling for activations with one scale per tensor. Measured: 0.1 to 0.2 nats per token on average, 1.9 at most. */
export const APPROXIMATE_CEILING_NATS = 0.5

/**
 * The most by which two passes over one token may differ, in nats: about a hundred times the rounding noise measured
 * for these numerics. The self-test measures the tolerance, which is lower. Weight-only quantization keeps float
 * activations.
 */
export function toleranceCeilingNats({ activations, logits }: Numerics, executionProvider: 'cpu' | 'cuda'): number {
  if (activations === 'int8_tensor') return APPROXIMATE_CEILING_NATS
  // A rounding error that crosses the boundary between two 8-bit values grows as large as half-precision noise.
  if (activations !== 'float32' || logits !== 'float32') return 0.1
  // TF32 may be in use.
  return executionProvider === 'cuda' ? 1e-2 : 1e-3
}

/** Whether logits should have float32 precision: no operator rounds activations to fewer bits. */
export function claimsFloat32({ activations, logits }: Numerics): boolean {
  return activations === 'float32' && logits === 'float32'
}
