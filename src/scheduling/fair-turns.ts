interface Turn {
  /** Tokens served since it came, from where the others stood then. */
  tokens: number
}

/**
 * Whose turn it is among members that want tokens: that of the one that was served the fewest since it came (start-time
 * fair queueing; Goyal, Vin and Cheng 1996). A newcomer begins where the member served last stood, so it neither waits
 * for what others had before it nor makes up for a time when it wanted nothing.
 */
export class FairTurns<M> {
  readonly #waiting = new Map<M, Turn>()
  /** Members that want nothing now and were served more than the others: they come back with what they had. */
  readonly #ahead = new Map<M, Turn>()
  #clock = 0

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  /** Lets a member wait for its turn; nothing when it does already. */
  join(member: M): void {
    if (this.#waiting.has(member)) return
    this.#waiting.set(member, { tokens: Math.max(this.#clock, this.#ahead.get(member)?.tokens ?? 0) })
    this.#ahead.delete(member)
  }

  /** The turn has come to this member. */
  serve(member: M): void {
    this.#clock = Math.max(this.#clock, this.#waiting.get(member)?.tokens ?? 0)
  }

  charge(member: M, tokens: number): void {
    const turn = this.#waiting.get(member)
    if (turn !== undefined) turn.tokens += tokens
  }

  /** Nothing of the member waits any more. */
  leave(member: M): void {
    const turn = this.#waiting.get(member)
    if (turn === undefined) return
    this.#waiting.delete(member)
    this.#ahead.set(member, turn)
    // With nobody left there is nobody to be ahead of.
    for (const [other, { tokens }] of this.#ahead) if (this.isEmpty || tokens <= this.#clock) this.#ahead.delete(other)
  }

  /** Those served least first; of equal ones those that came first. */
  inOrder(): M[] {
    return [...this.#waiting].sort(([, a], [, b]) => a.tokens - b.tokens).map(([member]) => member)
  }
}
