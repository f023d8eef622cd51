/**
 * Why a token has its label in supervised fine-tuning. Only `completion` and `eos` are trained.
 * - `completion`: text to learn
 * - `eos`: an end token to learn
 * - `prompt`: text that is given
 * - `masked`: a token with the label -100 in the request
 * - `bos`: the prefix token, which no row predicts
 * - `template`: text that a chat template writes around the contents
 * - `straddle`: a token with bytes of both trained and given text
 */
export type Reason = 'prompt' | 'masked' | 'completion' | 'bos' | 'eos' | 'template' | 'straddle'

/** PyTorch's default `ignore_index`: cross-entropy skips tokens with this label. */
export const MASKED_LABEL = -100

export function isTrained(reason: Reason): boolean {
  return reason === 'completion' || reason === 'eos'
}

/** Log-probability of each token, nats; null if no row predicts it, as for the first token of a sequence. */
export type LogProbs = readonly (number | null)[]

/** Weight of each token in the loss: 1 if it is trained, 0 if no row predicts it, otherwise `promptLossWeight`. */
export function weightsOf(reasons: readonly Reason[], logProbs: LogProbs, promptLossWeight: number): number[] {
  return reasons.map((reason, i) => (logProbs[i] == null ? 0 : isTrained(reason) ? 1 : promptLossWeight))
}

export function labelOf(id: number, weight: number): number {
  return weight === 0 ? MASKED_LABEL : id
}
