import type { Numerics } from './onnx/numerics.ts'

/** Activations that share one scale over a whole tensor: 0.1 to 0.2 nats a token on average, single tokens up to 1.9. */
export const APPROXIMATE_CEILING_NATS = 0.5

/**
 * How far two passes over one token may differ at most, in nats, before it is a fault: about a hundred times the rounding
 * noise that was measured for these numerics. The start-up self-test finds the tolerance below it. Weight-only
 * quantization keeps float activations.
 */
export function toleranceCeilingNats({ activations, logits }: Numerics, executionProvider: 'cpu' | 'cuda'): number {
  if (activations === 'int8_tensor') return APPROXIMATE_CEILING_NATS
  // A rounding error that crosses the boundary between two 8-bit values becomes as large as half-precision noise.
  if (activations !== 'float32' || logits !== 'float32') return 0.1
  // TF32 may be in use.
  return executionProvider === 'cuda' ? 1e-2 : 1e-3
}

/**
 * How far a token may be from an answer that is stored with the model, nats. Such answers come from another processor, which adds in another
 * order or does not round activations at all: where they are rounded to 8 bits, single tokens were up to 0.43 apart, and whole texts 0.06 in the
 * mean (docs/reference/numerics-across-processors.md). The mean of a text stays below the ceiling for any numerics.
 */
export function storedCeilingNats(numerics: Numerics, executionProvider: 'cpu' | 'cuda'): number {
  const { activations } = numerics
  const areRounded = activations === 'int8_blocks' || activations === 'int8_static' || activations === 'int8_rows'
  return areRounded ? APPROXIMATE_CEILING_NATS : toleranceCeilingNats(numerics, executionProvider)
}

/** Whether logits should use the precision of float32: nothing on the way rounds activations to fewer bits. */
export function claimsFloat32({ activations, logits }: Numerics): boolean {
  return activations === 'float32' && logits === 'float32'
}
