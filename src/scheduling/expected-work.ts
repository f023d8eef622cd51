/** How much one request moves the ratio of what requests turn out to need. */
const WEIGHT = 0.1
/** A guess is a token for every eight bytes, and no token has less than one byte of a body. */
const MAX_RATIO = 8

/**
 * Work whose texts are still being tokenized. Admission counts it: otherwise everything that arrives while the
 * tokenizer is busy finds a short queue, is tokenized in vain, and takes the processor from the engine.
 *
 * The size of a request is a guess until it is submitted. Guesses are multiplied by the ratio of what earlier requests
 * needed: above 1 for texts with many tokens per byte, small where most sequences come from the result cache. A client
 * is refused for its own guesses only: what others may turn out to need must not keep it out.
 */
export class ExpectedWork {
  readonly #guesses = new Map<AbortSignal, { readonly tokens: number; readonly client: string }>()
  readonly #tokensByClient = new Map<string, number>()
  #ratio = 1

  /** Tokens that the engine will have to compute for all clients. */
  get tokens(): number {
    return this.estimate([...this.#tokensByClient.values()].reduce((sum, tokens) => sum + tokens, 0))
  }

  /** The same for one client. */
  tokensOf(client: string): number {
    return this.estimate(this.#tokensByClient.get(client) ?? 0)
  }

  /** What a request will need whose size is guessed as `tokens`. */
  estimate(tokens: number): number {
    return tokens * this.#ratio
  }

  /** Counts `tokens` for the request with this signal until it is `submitted` or the returned function is called. */
  expect(signal: AbortSignal, client: string, tokens: number): () => void {
    this.#guesses.set(signal, { tokens, client })
    this.#add(client, tokens)
    return () => this.#take(signal)
  }

  /** The first work of a request needs `tokens`. */
  submitted(signal: AbortSignal, tokens: number): void {
    const guess = this.#take(signal)
    if (guess > 0) this.#ratio += WEIGHT * (Math.min(MAX_RATIO, tokens / guess) - this.#ratio)
  }

  #take(signal: AbortSignal): number {
    const guess = this.#guesses.get(signal)
    if (guess === undefined) return 0
    this.#guesses.delete(signal)
    this.#add(guess.client, -guess.tokens)
    return guess.tokens
  }

  #add(client: string, tokens: number): void {
    const sum = (this.#tokensByClient.get(client) ?? 0) + tokens
    if (sum === 0) this.#tokensByClient.delete(client)
    else this.#tokensByClient.set(client, sum)
  }
}
