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

/**
 * Largest difference of a token from an answer stored with the model, nats. Stored answers come from another processor,
 * which adds in another order or does not round activations at all. Where activations are rounded to 8 bits, single
 * tokens differed by up to 0.43 and the mean of a text by 0.06 (docs/reference/numerics-across-processors.md). The mean
 * of a text stays below `toleranceCeilingNats` for any numerics.
 */
export function storedCeilingNats(numerics: Numerics, executionProvider: 'cpu' | 'cuda'): number {
  const { activations } = numerics
  const areRounded = activations === 'int8_blocks' || activations === 'int8_static' || activations === 'int8_rows'
  return areRounded ? APPROXIMATE_CEILING_NATS : toleranceCeilingNats(numerics, executionProvider)
}

/** Whether logits should have float32 precision: no operator rounds activations to fewer bits. */
export function claimsFloat32({ activations, logits }: Numerics): boolean {
  return activations === 'float32' && logits === 'float32'
}
