import { Deflate } from 'pako'
import { ServiceError } from '../errors.ts'
import { isSliceOver, nextSlice } from '../event-loop.ts'

/** Statistics of a scored text that research on contamination, membership and detection of generated text uses. */
export const STATISTICS = ['min_k', 'min_k_plus_plus', 'zlib_ratio', 'sampling_discrepancy'] as const
export type Statistic = (typeof STATISTICS)[number]

/** Which statistics a request asks for. */
export interface StatisticOptions {
  readonly names: ReadonlySet<Statistic>
  /** K of `min_k` and `min_k_plus_plus`: the share of tokens to average, above 0 to 100. */
  readonly minKPercent: number
}

/** Scores of n consecutive tokens. The moments are those of log p under the distribution p that predicts the token. */
export interface TokenMoments {
  /** (n,) nats. */
  readonly logProbs: ArrayLike<number>
  /** (n,) -E[log p], nats; null unless `needsMoments`. */
  readonly entropies: ArrayLike<number> | null
  /** (n,) Var[log p], nats²; null unless `needsMoments`. */
  readonly variances: ArrayLike<number> | null
}

/** Each requested statistic; null where its formula divides by zero. */
export type Statistics = Readonly<Partial<Record<Statistic, number | null>>>

const DEFAULT_MIN_K_PERCENT = 20

/** The statistics that a request asks for; null for none. Throws `invalid_request`. */
export function statisticOptionsOf(names: readonly Statistic[] | undefined, minKPercent: number | undefined): StatisticOptions | null {
  const wanted = new Set(names)
  if (minKPercent !== undefined && !wanted.has('min_k') && !wanted.has('min_k_plus_plus'))
    throw new ServiceError('invalid_request', 'min_k_percent belongs to the statistics min_k and min_k_plus_plus: request one of them, or leave it out', {
      param: 'min_k_percent'
    })
  return wanted.size === 0 ? null : { names: wanted, minKPercent: minKPercent ?? DEFAULT_MIN_K_PERCENT }
}

/** Whether a statistic needs more of each distribution than the log-probability of the token. */
export function needsMoments(options: StatisticOptions | null): boolean {
  return options !== null && (options.names.has('min_k_plus_plus') || options.names.has('sampling_discrepancy'))
}

/**
 * The requested statistics of the tokens that spell `text`, in UTF-8. `tokens` may come from several passes over a long
 * text (`joinMoments`). Long texts are compressed in slices, so the event loop stays free.
 */
export async function statisticsOf({ names, minKPercent }: StatisticOptions, tokens: TokenMoments, text: Uint8Array): Promise<Statistics> {
  const statistics: Partial<Record<Statistic, number | null>> = {}
  if (names.has('min_k')) statistics.min_k = meanOfLowest(Float64Array.from(tokens.logProbs), minKPercent)
  if (names.has('min_k_plus_plus')) statistics.min_k_plus_plus = meanOfLowest(standardScores(tokens), minKPercent)
  if (names.has('zlib_ratio')) statistics.zlib_ratio = text.length === 0 ? null : -sumOf(tokens.logProbs) / (await zlibSize(text))
  if (names.has('sampling_discrepancy')) statistics.sampling_discrepancy = samplingDiscrepancy(tokens)
  return statistics
}

/** A warning for each statistic that is null, with the reason. */
export function undefinedStatistics(statistics: Statistics): { readonly code: 'statistic_undefined'; readonly message: string }[] {
  return STATISTICS.filter((name) => statistics[name] === null).map((name) => ({ code: 'statistic_undefined', message: `${name} is null: ${REASONS[name]}` }))
}

/** Why a statistic can be null. */
const REASONS: Readonly<Record<Statistic, string>> = {
  min_k: 'the text has no tokens',
  min_k_plus_plus: 'the text has no tokens, or a token that the model considers impossible where it considers another one certain',
  zlib_ratio: 'the text has no bytes',
  sampling_discrepancy: 'the text has no tokens, or the model considers a single token possible at every position'
}

/** Joins the tokens of consecutive passes. */
export function joinMoments(parts: readonly TokenMoments[]): TokenMoments {
  const joined = (pick: (part: TokenMoments) => ArrayLike<number> | null): Float64Array | null => {
    const picked = parts.map(pick)
    const known = picked.filter((values) => values !== null)
    if (known.length < picked.length) return null
    const all = new Float64Array(known.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const values of known) {
      all.set(values, at)
      at += values.length
    }
    return all
  }
  return {
    logProbs: joined(({ logProbs }) => logProbs) ?? [],
    entropies: joined(({ entropies }) => entropies),
    variances: joined(({ variances }) => variances)
  }
}

/**
 * Mean of the lowest K percent of the values, of one at least: floor(n K / 100), as the code of Min-K% and Min-K%++
 * takes it. Null without values, and when one of those values is no number.
 */
function meanOfLowest(values: Float64Array, percent: number): number | null {
  if (values.length === 0) return null
  // Typed arrays sort NaN last, where it would go unnoticed.
  if (values.some(Number.isNaN)) return null
  const lowest = values.sort().subarray(0, Math.max(1, Math.floor((values.length * percent) / 100)))
  const mean = sumOf(lowest) / lowest.length
  return Number.isFinite(mean) ? mean : null
}

/**
 * (log p - E[log p]) / sd per token. A distribution with one possible token has sd 0: that token is as probable as
 * expected and has 0, any other -infinity.
 */
function standardScores(tokens: TokenMoments): Float64Array {
  const { logProbs, entropies, variances } = withMoments(tokens)
  return Float64Array.from(logProbs, (logProb, i) => {
    const difference = logProb + entropies[i]!
    return difference === 0 ? 0 : difference / Math.sqrt(variances[i]!)
  })
}

/** Conditional probability curvature of Fast-DetectGPT, with the scoring model as its own sampler. */
function samplingDiscrepancy(tokens: TokenMoments): number | null {
  const { logProbs, entropies, variances } = withMoments(tokens)
  const variance = sumOf(variances)
  return variance > 0 ? (sumOf(logProbs) + sumOf(entropies)) / Math.sqrt(variance) : null
}

function withMoments({ logProbs, entropies, variances }: TokenMoments): { readonly [field in keyof TokenMoments]: ArrayLike<number> } {
  if (entropies === null || variances === null) throw new Error('the tokens were scored without entropy and variance')
  return { logProbs, entropies, variances }
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum
}

/** Bytes that are compressed between two looks at the clock: 2 to 3 ms. */
const PIECE_BYTES = 1 << 16
/** The settings of Python's `zlib.compress(text)`. */
const LEVEL = 6

/**
 * Bytes of a text compressed by zlib at level 6 with its 2 bytes of header and 4 of checksum: the length of Python's
 * `zlib.compress(text)`. Node's own zlib is Chromium's, whose streams have other lengths, which depend on the
 * processor.
 */
export async function zlibSize(text: Uint8Array): Promise<number> {
  const deflate = new Deflate({ level: LEVEL })
  let size = 0
  deflate.onData = (chunk) => {
    size += (chunk as Uint8Array).length
  }
  for (let start = 0; start === 0 || start < text.length; start += PIECE_BYTES) {
    if (isSliceOver()) await nextSlice()
    const end = start + PIECE_BYTES
    deflate.push(text.subarray(start, end), end >= text.length)
  }
  return size
}
