/** Labels of supervised fine-tuning: which tokens a loss is on, and with what weight. */

/**
 * What a token is to a training run.
 * - `completion`: text to be learned
 * - `eos`: an end token to be learned
 * - `prompt`: text that is given
 * - `bos`: the prefix token, which nothing predicts
 * - `template`: what a chat template writes around the contents
 * - `straddle`: holds text to be learned and text that is given
 */
export type Reason = 'prompt' | 'completion' | 'bos' | 'eos' | 'template' | 'straddle'

/** The label that a cross-entropy leaves out, as PyTorch's `ignore_index` and Hugging Face trainers have it. */
export const MASKED_LABEL = -100

export function isTrained(reason: Reason): boolean {
  return reason === 'completion' || reason === 'eos'
}

/** Whether a row predicts each token: the first of a sequence follows nothing. */
export type LogProbs = readonly (number | null)[]

/**
 * Weight of each token in the loss: 1 where it is trained, `promptLossWeight` elsewhere, and 0 where no row predicts it.
 */
export function weightsOf(reasons: readonly Reason[], logProbs: LogProbs, promptLossWeight: number): number[] {
  return reasons.map((reason, i) => (logProbs[i] == null ? 0 : isTrained(reason) ? 1 : promptLossWeight))
}

export function labelOf(id: number, weight: number): number {
  return weight === 0 ? MASKED_LABEL : id
}
