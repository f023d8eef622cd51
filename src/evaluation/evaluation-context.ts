import type { EncodingContext } from '../encoding/encoding-context.ts'

/** The properties of the model that encoding, scoring and verification depend on. */
export interface EvaluationContext extends EncodingContext {
  /**
   * `approximate`: activations are quantized over whole tensors, so the score of a token depends slightly on later
   * tokens.
   */
  readonly causal: 'exact' | 'approximate'
  /** Largest difference allowed between two passes over the same token, nats. */
  readonly toleranceNats: number
  /** Whether the logits are expected to have the precision of float32. */
  readonly claimsFloat32: boolean
}
