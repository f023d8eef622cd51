import type { LoadedModel } from '../../src/engine/process/session.ts'
import { type Difference, difference, logProbsOf } from './measure.ts'

/** How the scores of a model differ, nats per token. */
export interface Effects {
  /** From the healthy model, for a single text. */
  readonly fromHealthy: Difference
  /** Of the beginning of a text scored without the rest, from the same tokens in the whole text. */
  readonly withoutEnd: Difference
  /** Of two texts of different lengths scored together, from each scored alone. */
  readonly together: Difference
}

export interface Texts {
  readonly text: readonly number[]
  /** Longer than `text`. */
  readonly neighbour: readonly number[]
  /** The healthy model's scores of `text`. */
  readonly healthy: Float32Array
}

export async function effectsOf(model: LoadedModel, { text, neighbour, healthy }: Texts): Promise<Effects> {
  const beginning = text.slice(0, text.length / 2)
  const [alone, neighbourAlone, shorter] = [await only(model, text), await only(model, neighbour), await only(model, beginning)]
  const [beside = [], neighbourBeside = []] = await logProbsOf(model, text, neighbour)
  return {
    fromHealthy: difference(alone, healthy),
    withoutEnd: difference(shorter, alone.slice(0, shorter.length)),
    together: difference([...beside, ...neighbourBeside], [...alone, ...neighbourAlone])
  }
}

async function only(model: LoadedModel, ids: readonly number[]): Promise<Float32Array> {
  const [logProbs = new Float32Array(0)] = await logProbsOf(model, ids)
  return logProbs
}

/**
 * Kinds of difference by the largest difference of a token: `none` is up to 2e-4 nats, ten times the float32 noise;
 * `slight` is up to 0.05, as from rounding to 16 bits; then `clear` and `not finite`.
 */
export type Kind = 'none' | 'slight' | 'clear' | 'not finite'

export function kindOf({ max }: Difference): Kind {
  if (max === Number.POSITIVE_INFINITY) return 'not finite'
  if (max > 0.05) return 'clear'
  return max > 2e-4 ? 'slight' : 'none'
}
