import type { LoadedModel } from '../../src/engine/process/session.ts'
import { type Difference, difference, logProbsOf } from './measure.ts'

/** How the numbers of a model differ, nats a token. */
export interface Effects {
  /** From those of the healthy model, one text alone. */
  readonly fromHealthy: Difference
  /** Of a text's beginning scored without the rest, from the same tokens in the whole text. */
  readonly withoutEnd: Difference
  /** Of two texts of different lengths scored together, from each alone. */
  readonly together: Difference
}

export interface Texts {
  readonly text: readonly number[]
  /** Longer than `text`. */
  readonly neighbour: readonly number[]
  /** What the healthy model says of `text`. */
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
 * Kinds of difference, by the largest of a token: `none`, up to 2e-4 nats, which is ten times the noise of float32;
 * `slight`, as from rounding to 16 bits, up to 0.05; `clear`; `not finite`.
 */
export type Kind = 'none' | 'slight' | 'clear' | 'not finite'

export function kindOf({ max }: Difference): Kind {
  if (max === Number.POSITIVE_INFINITY) return 'not finite'
  if (max > 0.05) return 'clear'
  return max > 2e-4 ? 'slight' : 'none'
}
