import type { Warning } from '../encoding/encoded-item.ts'
import type { RowScores } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'
import type { EvaluationContext } from '../evaluation/evaluation-context.ts'
import type { VerifiedSequence } from '../evaluation/sampled-verification.ts'
import { scoredSequence } from '../evaluation/scored-item.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from '../evaluation/sequence-integrity.ts'
import type { ScoringJob } from '../scheduling/job.ts'
import { type Check, type Checks, verdictOf, worstChecks } from '../scoring/checks/check.ts'
import { atMostZeroCheck, finiteCheck, greedyCheck } from '../scoring/checks/number-checks.ts'
import { sameSequenceCheck } from '../scoring/checks/request-checks.ts'
import { logProbSums } from '../scoring/scored-sequence.ts'
import { needsMoments, type Statistics, statisticsOf, undefinedStatistics } from '../statistics/statistics.ts'
import type { PerplexityOptions, RequestedText, WindowRule } from './request.ts'
import type { TextHead } from './text-head.ts'
import { TextMeasure } from './text-measure.ts'
import { type Counts, type Curve, type PerplexityToken, type Rates, ratesOf, TextTotals } from './totals.ts'
import { type TextWindow, WindowCutter } from './windows.ts'

/** The perplexity of one text. */
export interface TextPerplexity extends Rates {
  /** Sum over all scored tokens, in nats. */
  readonly log_prob: number
  readonly counts: Counts
  readonly windows: {
    readonly kind: WindowRule['kind']
    readonly count: number
    readonly max_length: number
    readonly stride: number
    readonly prefix_token_id: number | null
  }
  readonly tokens?: readonly PerplexityToken[]
  readonly curve?: Curve
  readonly statistics?: Statistics
  readonly checks: Checks
  readonly warnings: readonly Warning[]
}

/** Called with every window that was scored. */
export type WindowListener = (verified: VerifiedSequence) => void

/** Follows one text from its pieces to its result: first the ids become windows, then the scores of each are added. */
export class TextScores {
  readonly #text: Pick<RequestedText, 'param'>
  readonly #options: PerplexityOptions
  readonly #head: TextHead
  readonly #measure = new TextMeasure()
  readonly #cutter: WindowCutter
  readonly #totals: TextTotals
  readonly #listener: WindowListener
  #checks: readonly Check[] = []
  #tokens = 0
  #hasHead = false

  constructor(
    text: Pick<RequestedText, 'param'>,
    options: PerplexityOptions,
    head: TextHead,
    { tokenizer }: Pick<EvaluationContext, 'tokenizer'>,
    listener: WindowListener
  ) {
    this.#text = text
    this.#options = options
    this.#head = head
    this.#cutter = new WindowCutter(options.window)
    this.#totals = new TextTotals(options, tokenizer, head.ids.length)
    this.#listener = listener
  }

  get tokens(): number {
    return this.#tokens
  }

  /** Counts a piece of the text. */
  measure(piece: string): void {
    this.#measure.add(piece)
  }

  /** The windows that the next ids of the text complete. */
  push(ids: Int32Array): TextWindow[] {
    this.#tokens += ids.length
    const before = this.#hasHead ? [] : this.#cutter.push(this.#head.ids)
    this.#hasHead = true
    return [...before, ...this.#cutter.push(ids)]
  }

  /** The windows of the last tokens. Throws `invalid_request` or `no_prefix_token` when there is nothing to score. */
  end(): TextWindow[] {
    const { param } = this.#text
    if (this.#tokens === 0)
      throw new ServiceError('invalid_request', `${param} has no tokens, and an empty text has no perplexity: send a text that is not empty`, { param })
    if (this.#tokens + this.#head.ids.length < 2)
      throw new ServiceError('no_prefix_token', `${param} has a single token and nothing precedes it, so it has no probability: send prefix_token "single"`, {
        param
      })
    return this.#cutter.end()
  }

  jobOf({ ids, firstScored }: TextWindow): ScoringJob {
    const { detail, statistics } = this.#options
    const hasMoments = needsMoments(statistics)
    return {
      sequence: { ids, firstScored },
      topCount: detail === 'tokens' || hasMoments ? 0 : null,
      ...(hasMoments ? { measures: ['variance'] as const } : {})
    }
  }

  /** Adds the scores of the next window. Throws `scores_mismatched` or `non_finite_logits`. */
  add(window: TextWindow, rows: RowScores): void {
    const { ids, firstScored } = window
    const integrity = sequenceIntegrityOf({ ids, firstScored }, rows)
    assertSequenceIntegrity(integrity)
    // The context is x and the scored tokens are y, so that a verification checks both.
    const encoded = { ids, sizes: { prefix: 0, x: firstScored, y: ids.length - firstScored, eos: 0 }, scoredStart: firstScored, scoredEnd: ids.length }
    const sequence = scoredSequence(encoded, rows)
    const checks = [finiteCheck(sequence), sameSequenceCheck(integrity), atMostZeroCheck(sequence), greedyCheck(sequence)]
    this.#checks = worstChecks([...this.#checks, ...checks])
    this.#totals.add(window, rows)
    this.#listener({ encoded, scored: { rows, sums: logProbSums(sequence) } })
  }

  /** `text` is the whole text, which the statistics need. */
  async result(text: string | null): Promise<TextPerplexity> {
    const { window, statistics: wanted } = this.#options
    const statistics = wanted === null || text === null ? null : await statisticsOf(wanted, this.#totals.moments, Buffer.from(text))
    const counts: Counts = { tokens: this.#tokens, scored_tokens: this.#totals.scoredTokens, ...this.#measure.lengths }
    const rates = ratesOf(this.#totals.logProb, counts)
    const isTooLarge = Object.values(rates.perplexity).includes(null)
    return {
      log_prob: this.#totals.logProb,
      counts,
      ...rates,
      windows: {
        kind: window.kind,
        count: this.#totals.windows,
        max_length: window.maxLength,
        stride: window.stride,
        prefix_token_id: this.#head.prefixTokenId
      },
      ...this.#totals.details,
      ...(statistics === null ? {} : { statistics }),
      checks: verdictOf(this.#checks),
      warnings: [...this.#head.warnings, ...(isTooLarge ? [TOO_LARGE] : []), ...(statistics === null ? [] : undefinedStatistics(statistics))]
    }
  }
}

const TOO_LARGE: Warning = {
  code: 'perplexity_too_large',
  message: 'a perplexity is above the largest number and is null, as per word for a text without spaces; use log_prob or bits_per_byte'
}
