const MINUTE_MS = 60_000

interface Budget {
  /** Tokens left at `atMs`; negative after a request that was larger than what was left. */
  left: number
  atMs: number
  perMinute: number
}

/**
 * Tokens per minute of each client, as token buckets: a client may spend a whole minute's tokens at once and gets them
 * back evenly. The tokens of a request are known only after it was let in, so the last one may overdraw the bucket; the
 * client then waits until the debt is paid, and gets no more than its limit in the long run.
 */
export class TokenBudgets {
  readonly #now: () => number
  readonly #budgets = new Map<string, Budget>()

  constructor(now: () => number) {
    this.#now = now
  }

  spend(client: string, tokens: number, perMinute: number): void {
    const left = this.left(client, perMinute) - tokens
    // The client that spent last comes last.
    this.#budgets.delete(client)
    this.#budgets.set(client, { left, atMs: this.#now(), perMinute })
    this.#forgetFull()
  }

  /** Tokens that the client may spend now; negative when it is in debt. */
  left(client: string, perMinute: number): number {
    const budget = this.#budgets.get(client)
    if (budget === undefined) return perMinute
    return Math.min(perMinute, budget.left + ((this.#now() - budget.atMs) / MINUTE_MS) * perMinute)
  }

  /** Time until the client has a token again; 0 when it has one. */
  waitMs(client: string, perMinute: number): number {
    const left = this.left(client, perMinute)
    return left >= 1 ? 0 : ((1 - left) / perMinute) * MINUTE_MS
  }

  /** Addresses come and go; a full bucket is the same as none. */
  #forgetFull(): void {
    const [oldest] = this.#budgets
    if (oldest === undefined) return
    const [client, { perMinute }] = oldest
    if (this.left(client, perMinute) >= perMinute) this.#budgets.delete(client)
  }
}
