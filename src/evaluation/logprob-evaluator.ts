import { elementAt, entryOf } from '../element-at.ts'
import { encodeItems } from '../encoding/encode-items.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import { contextFor } from '../encoding/encoding-context.ts'
import { checkedInput } from '../encoding/item-input.ts'
import type { LogprobItem, LogprobOptions } from '../encoding/logprob-item.ts'
import type { Batch, BatchScores, RowMeasure, RowScores } from '../engine/engine.ts'
import { orServiceError, ServiceError, serviceErrorFrom } from '../errors.ts'
import { mapInSlices, pauseIfLong } from '../event-loop.ts'
import { computeKeys, type ScoringJob, type WorkTerms } from '../scheduling/job.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import type { Check } from '../scoring/checks/check.ts'
import { REQUEST_CHECKS } from '../scoring/checks/request-checks.ts'
import { needsMoments } from '../statistics/statistics.ts'
import { candidateMasses } from './candidate-mass.ts'
import { passesOf, type VerificationPasses, verificationBatches, verificationChecks, workOf } from './deep-verification.ts'
import type { EvaluationContext } from './evaluation-context.ts'
import { groupByLastToken, groupedJobs, rowsOfSequence } from './last-token-candidates.ts'
import { type CheckFunction, type ScoredItem, type SequenceScores, scoredItemOf, sequenceScoresOf } from './scored-item.ts'
import { type Usage, usageOf, workUsage } from './usage.ts'
import { idsToTheNext, withoutNextRow } from './word-end-row.ts'

/** The result of one item. */
export type Outcome = ScoredItem | { readonly item: LogprobItem; readonly error: ServiceError }

export interface Evaluation<T = Outcome> {
  /** What `present` made of each outcome, in the order of the items; none rejects. */
  readonly outcomes: readonly Promise<T>[]
  /** Resolves when all outcomes have; never rejects. */
  readonly usage: Promise<Usage>
}

/** Called with every sequence that was scored without deep verification. */
export type ScoredListener = (encoded: EncodedItem, scored: SequenceScores) => void

/** What the rows must have beside log-probabilities. */
function rowsWanted({ detail, topLogprobs, statistics }: LogprobOptions): Pick<ScoringJob, 'topCount' | 'measures'> {
  const measures: RowMeasure[] = []
  if (detail === 'tokens' || needsMoments(statistics)) measures.push('variance')
  if (detail === 'words') measures.push('word_starts')
  return measures.length === 0 && topLogprobs === 0 ? { topCount: null } : { topCount: topLogprobs, measures }
}

/** The default of `present`, for which `T` is `Outcome`. */
function asItIs<T>(outcome: Outcome): T {
  return outcome as T
}

/** An item with the work that scores it. */
interface Attempt {
  readonly item: LogprobItem
  readonly encoded: EncodedItem | ServiceError
  /** Null when the item could not be encoded, or has no scored token. */
  readonly job: ScoringJob | null
  readonly verification: VerificationPasses<Batch> | null
}

/**
 * Scores (x, y) items for /v1/logprob, reranking and the command line: texts to token ids, ids to rows, rows to checked
 * sums.
 */
export class LogprobEvaluator {
  readonly #context: EvaluationContext
  readonly #scheduler: Scheduler
  readonly #checks: readonly CheckFunction[]
  #onScored: ScoredListener = () => {}

  constructor(context: EvaluationContext, scheduler: Scheduler, checks: readonly CheckFunction[] = REQUEST_CHECKS) {
    this.#context = context
    this.#scheduler = scheduler
    this.#checks = checks
  }

  /** Whether a token precedes every text, so that the first one has a probability. */
  get hasPrefixToken(): boolean {
    return this.#context.prefixTokenId !== null
  }

  /** Replaces the listener. */
  listen(listener: ScoredListener): void {
    this.#onScored = listener
  }

  /**
   * Scores all items of a request. Throws `queue_full` before it starts any; the failure of a single item becomes its
   * outcome and does not affect the others. Calls `present` with each outcome and keeps only its result: an item with
   * twenty top tokens per position takes many times the memory of its JSON.
   */
  async evaluate<T = Outcome>(
    items: readonly LogprobItem[],
    options: LogprobOptions,
    terms: WorkTerms,
    present: (outcome: Outcome) => T | Promise<T> = asItIs
  ): Promise<Evaluation<T>> {
    return this.evaluateEncoded(items, await this.encode(items, options, terms), options, terms, present)
  }

  /** The token ids of each item, or why it has none, for callers that validate all items before they score any. */
  encode(items: readonly LogprobItem[], options: LogprobOptions, terms: WorkTerms): Promise<(EncodedItem | ServiceError)[]> {
    return encodeItems(items, options, contextFor(this.#context, terms))
  }

  /**
   * The token ids of each text by itself, for callers that build x from pieces. `param` is its path in the request.
   * Throws `invalid_text`, and `context_length_exceeded` for a text that cannot fit.
   */
  encodeTexts(texts: readonly { readonly text: string; readonly param: string }[], parseSpecialTokens: boolean, terms: WorkTerms): Promise<Int32Array[]> {
    const context = contextFor(this.#context, terms)
    for (const { text, param } of texts) checkedInput(text, param, { boundary: 'auto', onOverflow: 'error', parseSpecialTokens }, context)
    return context.tokenizer.encode(
      texts.map(({ text }) => text),
      { parseSpecialTokens }
    )
  }

  /** `evaluate` for items that `encode` has encoded; `encodedItems` has one entry per item, in order. */
  async evaluateEncoded<T = Outcome>(
    items: readonly LogprobItem[],
    encodedItems: readonly (EncodedItem | ServiceError)[],
    options: LogprobOptions,
    terms: WorkTerms,
    present: (outcome: Outcome) => T | Promise<T> = asItIs
  ): Promise<Evaluation<T>> {
    const attempts = await mapInSlices(items, (item, i) => this.#attempt(item, elementAt(encodedItems, i), options))
    const grouped = await groupByLastToken(attempts.flatMap(({ job }) => job ?? []))
    const work = [...groupedJobs(grouped), ...attempts.flatMap(({ verification }) => (verification === null ? [] : workOf(verification)))]
    await computeKeys(work)
    const submitted = this.#scheduler.submitAll(work, terms)
    const scoresByWork = new Map<ScoringJob | Batch, Promise<BatchScores>>(
      work.map((each, i) => ['exactly' in each ? each.exactly : each, elementAt(submitted, i)])
    )
    const scoresOf = (batch: Batch): Promise<BatchScores> => entryOf(scoresByWork, batch)
    const rowsOf = async (job: ScoringJob): Promise<RowScores> => {
      const place = entryOf(grouped, job)
      const { rows } = await entryOf(scoresByWork, place.job)
      return rowsOfSequence(place, elementAt(rows, 0))
    }

    const scored = await mapInSlices(attempts, (attempt) => orServiceError(() => this.#scored(attempt, rowsOf)))
    const masses = candidateMasses(attempts, scored, this.#context.toleranceNats)
    const outcomes = await mapInSlices(attempts, async (attempt, i): Promise<T> => {
      const { item, encoded, verification } = attempt
      try {
        const own = await elementAt(scored, i)
        if (encoded instanceof ServiceError) throw encoded
        if (own instanceof ServiceError) throw own
        const deep = verification === null ? [] : await this.#verified(encoded, own, verification, scoresOf)
        const more = [...(await elementAt(masses, i)), ...deep]
        await pauseIfLong()
        return await present(scoredItemOf({ item, encoded, scored: own, options, context: this.#context, checks: this.#checks }, more))
      } catch (error) {
        return present({ item, error: serviceErrorFrom(error) })
      }
    })
    return { outcomes, usage: workUsage(work, submitted).then((cost) => usageOf(encodedItems, cost)) }
  }

  #attempt(item: LogprobItem, encoded: EncodedItem | ServiceError, options: LogprobOptions): Attempt {
    if (encoded instanceof ServiceError) return { item, encoded, job: null, verification: null }
    const { ids, scoredStart, scoredEnd } = encoded
    const isScored = scoredStart < scoredEnd
    const jobIds = options.detail === 'words' ? idsToTheNext(encoded, this.#context.maxModelLen) : ids.slice(0, scoredEnd)
    return {
      item,
      encoded,
      job: isScored ? { sequence: { ids: jobIds, firstScored: scoredStart }, ...rowsWanted(options) } : null,
      verification: isScored && options.verify === 'deep' ? verificationBatches(encoded, this.#context) : null
    }
  }

  async #scored({ encoded, job, verification }: Attempt, rowsOf: (job: ScoringJob) => Promise<RowScores>): Promise<SequenceScores> {
    if (encoded instanceof ServiceError) throw encoded
    const rows = job === null ? null : withoutNextRow(await rowsOf(job), encoded.scoredEnd - encoded.scoredStart)
    await pauseIfLong()
    const scored = sequenceScoresOf(encoded, rows)
    if (verification === null) this.#onScored(encoded, scored)
    return scored
  }

  async #verified(
    encoded: EncodedItem,
    { rows, sums }: SequenceScores,
    batches: VerificationPasses<Batch>,
    scoresOf: (batch: Batch) => Promise<BatchScores>
  ): Promise<Check[]> {
    if (rows === null) return []
    const passes = await passesOf(batches, scoresOf)
    return verificationChecks(encoded, rows, sums, passes, this.#context)
  }
}
