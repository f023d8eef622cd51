interface Turn {
  /** Tokens served since the member joined, added to the clock at that time. */
  tokens: number
}

/**
 * Shares tokens fairly among waiting members: the member that was served the fewest since it joined comes first
 * (start-time fair queueing; Goyal, Vin and Cheng 1996). A newcomer starts at the count of the member served last. So
 * it neither waits for what others received before it joined, nor makes up for the time when it wanted nothing.
 */
export class FairTurns<M> {
  readonly #waiting = new Map<M, Turn>()
  /** Members that left after more than their share: they keep their count if they rejoin. */
  readonly #ahead = new Map<M, Turn>()
  #clock = 0

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  /** Does nothing when the member waits already. */
  join(member: M): void {
    if (this.#waiting.has(member)) return
    this.#waiting.set(member, { tokens: Math.max(this.#clock, this.#ahead.get(member)?.tokens ?? 0) })
    this.#ahead.delete(member)
  }

  /** Moves the clock to the count of the member whose turn it is. */
  serve(member: M): void {
    this.#clock = Math.max(this.#clock, this.#waiting.get(member)?.tokens ?? 0)
  }

  charge(member: M, tokens: number): void {
    const turn = this.#waiting.get(member)
    if (turn !== undefined) turn.tokens += tokens
  }

  /** The member has no more waiting work. */
  leave(member: M): void {
    const turn = this.#waiting.get(member)
    if (turn === undefined) return
    this.#waiting.delete(member)
    this.#ahead.set(member, turn)
    // Only a count above the clock still matters, and none does when nobody waits.
    for (const [other, { tokens }] of this.#ahead) if (this.isEmpty || tokens <= this.#clock) this.#ahead.delete(other)
  }

  /** The least served first; among equals, the one that joined first. */
  inOrder(): M[] {
    return [...this.#waiting].sort(([, a], [, b]) => a.tokens - b.tokens).map(([member]) => member)
  }
}
