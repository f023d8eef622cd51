/** How much one request moves the ratio of what requests turn out to need. */
const WEIGHT = 0.1

/**
 * Work whose texts are still being tokenized. Admission counts it: otherwise everything that arrives while the
 * tokenizer is busy finds a short queue, is tokenized in vain, and takes the processor from the engine.
 *
 * The size of a request is a guess until it is submitted. Guesses are multiplied by the ratio of what earlier requests
 * needed, which is small where most sequences come from the result cache.
 */
export class ExpectedWork {
  readonly #guesses = new Map<AbortSignal, number>()
  #guessedTokens = 0
  #ratio = 1

  /** Tokens that the engine will have to compute. */
  get tokens(): number {
    return this.#guessedTokens * this.#ratio
  }

  /** Counts `tokens` for the request with this signal until it is `submitted` or the returned function is called. */
  expect(signal: AbortSignal, tokens: number): () => void {
    this.#guesses.set(signal, tokens)
    this.#guessedTokens += tokens
    return () => this.#take(signal)
  }

  /** The first work of a request needs `tokens`. */
  submitted(signal: AbortSignal, tokens: number): void {
    const guess = this.#take(signal)
    if (guess > 0) this.#ratio += WEIGHT * (Math.min(1, tokens / guess) - this.#ratio)
  }

  #take(signal: AbortSignal): number {
    const guess = this.#guesses.get(signal)
    if (guess === undefined) return 0
    this.#guesses.delete(signal)
    this.#guessedTokens -= guess
    return guess
  }
}
