import { RandomNormal } from '../models/random-normal.ts'

/**
 * Random token ids from a seed. Id 0 is the embedded tokenizer's control token and starts a text; all others are text.
 */
export class RandomIds {
  readonly #random: RandomNormal
  readonly #vocabSize: number

  constructor(seed: number, vocabSize: number) {
    this.#random = new RandomNormal(seed)
    this.#vocabSize = vocabSize
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.#random.integer(most - least + 1)
  }

  ids(length: number): number[] {
    return Array.from({ length }, () => 1 + this.#random.integer(this.#vocabSize - 1))
  }

  /** A text that starts with the prefix token. */
  begun(length: number): number[] {
    return [0, ...this.ids(length)]
  }
}
