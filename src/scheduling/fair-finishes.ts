/**
 * Orders members by when each would finish if all took turns token by token, and lets one after the other finish (the
 * fair sojourn protocol; Friedman and Henderson 2003). Nobody finishes later than with turns, and most finish earlier:
 * turns among equals finish them all at the very end, where a deadline in between finds everything begun and nothing
 * done. Small members pass large ones, which in turn pass the newcomers that would finish after them.
 */
export class FairFinishes<M> {
  /** The clock at which each member would finish. */
  readonly #finishes = new Map<M, number>()
  /** The tokens that each member would have been served with turns since the clock was 0. */
  #clock = 0
  /** Tokens that were served since the clock was moved: a batch serves many times, and moving it sorts the members. */
  #servedTokens = 0

  get isEmpty(): boolean {
    return this.#finishes.size === 0
  }

  join(member: M, tokens: number): void {
    this.#moveClock()
    this.#finishes.set(member, this.#clock + tokens)
  }

  /** Some member was served `tokens`. */
  serve(tokens: number): void {
    this.#servedTokens += tokens
  }

  leave(member: M): void {
    this.#moveClock()
    this.#finishes.delete(member)
    if (this.isEmpty) this.#clock = 0
  }

  /** Who would finish first comes first; among equals, the one that joined first. */
  inOrder(): M[] {
    return [...this.#finishes].sort(([, a], [, b]) => a - b).map(([member]) => member)
  }

  /** With turns, what was served would have been divided among all that would not have finished. */
  #moveClock(): void {
    if (this.#servedTokens === 0) return
    let left = this.#servedTokens
    this.#servedTokens = 0
    const finishes = [...this.#finishes.values()].filter((finish) => finish > this.#clock).sort((a, b) => a - b)
    for (const [index, finish] of finishes.entries()) {
      const sharing = finishes.length - index
      const untilFinish = (finish - this.#clock) * sharing
      if (untilFinish > left) {
        this.#clock += left / sharing
        return
      }
      this.#clock = finish
      left -= untilFinish
    }
  }
}
