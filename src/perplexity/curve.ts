import { elementAt } from '../element-at.ts'

/** The scores of the tokens with positions, or context lengths, from `start` to `end`, the last one exclusive. */
export interface CurvePoint {
  readonly start: number
  readonly end: number
  readonly tokens: number
  /** Sum in nats. */
  readonly log_prob: number
  readonly perplexity: number | null
}

interface Bin {
  tokens: number
  logProb: number
}

/** Points of the curve by position: half of them to all of them, for any length of text. */
const MAX_POINTS = 64

/** Sums log-probabilities by position in the text. The stretches double whenever there are too many of them. */
export class PositionCurve {
  #bins: Bin[] = []
  #width = 1

  /** `index` counts the tokens of the text from 0. */
  add(index: number, logProb: number): void {
    while (index >= MAX_POINTS * this.#width) this.#double()
    addTo(this.#bins, Math.floor(index / this.#width), logProb)
  }

  get points(): CurvePoint[] {
    return pointsOf(this.#bins, (bin) => bin * this.#width)
  }

  #double(): void {
    const bins: Bin[] = []
    for (let i = 0; i < this.#bins.length; i += 2) {
      const first = elementAt(this.#bins, i)
      const second = this.#bins[i + 1] ?? { tokens: 0, logProb: 0 }
      bins.push({ tokens: first.tokens + second.tokens, logProb: first.logProb + second.logProb })
    }
    this.#bins = bins
    this.#width *= 2
  }
}

/** Sums log-probabilities by the number of tokens in front within the window: 0, 1, 2 to 3, 4 to 7 and so on. */
export class ContextCurve {
  readonly #bins: Bin[] = []

  add(contextTokens: number, logProb: number): void {
    addTo(this.#bins, contextTokens === 0 ? 0 : 1 + Math.floor(Math.log2(contextTokens)), logProb)
  }

  get points(): CurvePoint[] {
    return pointsOf(this.#bins, (bin) => (bin === 0 ? 0 : 2 ** (bin - 1)))
  }
}

function addTo(bins: Bin[], index: number, logProb: number): void {
  while (bins.length <= index) bins.push({ tokens: 0, logProb: 0 })
  const bin = elementAt(bins, index)
  bin.tokens++
  bin.logProb += logProb
}

/** Without points that have no tokens. `startOf` is where a bin begins. */
function pointsOf(bins: readonly Bin[], startOf: (bin: number) => number): CurvePoint[] {
  return bins.flatMap(({ tokens, logProb }, bin) =>
    tokens === 0 ? [] : [{ start: startOf(bin), end: startOf(bin + 1), tokens, log_prob: logProb, perplexity: perplexityOf(logProb, tokens) }]
  )
}

/** exp(-logProb / count); null above the largest number. */
export function perplexityOf(logProb: number, count: number): number | null {
  const perplexity = Math.exp(-logProb / count)
  return Number.isFinite(perplexity) ? perplexity : null
}
