import type { WindowRule } from './request.ts'

/** A stretch of the tokens that is scored in one pass. */
export interface TextWindow {
  /** The context, then the tokens to score. */
  readonly ids: Int32Array
  /** Index in `ids` of the first token to score; at least 1. */
  readonly firstScored: number
  /** Position of `ids` among all tokens, the prefix token included. */
  readonly start: number
}

/**
 * Cuts a stream of tokens into windows, of which every token but the very first is scored in exactly one. Keeps no more
 * than the tokens that later windows need.
 *
 * - `strided` is the recipe of the Hugging Face documentation: windows of `maxLength` tokens begin every `stride`
 *   tokens, and a window scores the tokens that no window before it had.
 * - `disjoint` is the rolling log-likelihood of lm-evaluation-harness: a window scores the next `maxLength` tokens
 *   behind the one before them. The last window has fewer new tokens, and in their place more context.
 */
export class WindowCutter {
  readonly #rule: WindowRule
  /** The tokens from position `#from` on. */
  #held: Int32Array = new Int32Array(0)
  #from = 0
  /** Position of the next token to score: the first of all has nothing in front of it. */
  #next = 1

  constructor(rule: WindowRule) {
    this.#rule = rule
  }

  /** The windows that `ids` complete, as views of the tokens. */
  push(ids: Int32Array): TextWindow[] {
    this.#held = joined(this.#held, ids)
    const windows: TextWindow[] = []
    for (let end = this.#fullEnd(); end <= this.#from + this.#held.length; end = this.#fullEnd()) windows.push(this.#cut(end))
    return windows
  }

  /** The window of the tokens that are left. */
  end(): TextWindow[] {
    const end = this.#from + this.#held.length
    return this.#next < end ? [this.#cut(end)] : []
  }

  /** Where the next window ends if there are enough tokens. */
  #fullEnd(): number {
    const { kind, maxLength, stride } = this.#rule
    if (kind === 'disjoint') return this.#next + maxLength
    return this.#next === 1 ? maxLength : this.#next + stride
  }

  #cut(end: number): TextWindow {
    const start = this.#startOf(end)
    const window = { ids: this.#held.subarray(start - this.#from, end - this.#from), firstScored: this.#next - start, start }
    this.#next = end
    const needed = Math.max(0, end - this.#rule.maxLength)
    this.#held = this.#held.subarray(needed - this.#from)
    this.#from = needed
    return window
  }

  /** First token of the window that ends before position `end`. */
  #startOf(end: number): number {
    const { kind, maxLength, stride } = this.#rule
    // The last token of a window is scored and not read, so disjoint windows have one more.
    if (kind === 'disjoint') return Math.max(0, end - maxLength - 1)
    return this.#next === 1 ? 0 : this.#next + stride - maxLength
  }
}

export function joined(...parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
