import { elementAt, entryOf } from '../element-at.ts'
import { encodeItems } from '../encoding/encode-items.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { EncodingContext, LogprobItem, LogprobOptions } from '../encoding/item-input.ts'
import type { Batch, BatchScores, RowScores } from '../engine/engine.ts'
import { orServiceError, ServiceError, serviceErrorFrom } from '../errors.ts'
import type { ScoringJob, WorkTerms } from '../scheduling/job.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import type { Check } from '../scoring/checks/check.ts'
import { REQUEST_CHECKS } from '../scoring/checks/request-checks.ts'
import { candidateMasses } from './candidate-mass.ts'
import { passesOf, type VerificationPasses, verificationBatches, verificationChecks, workOf } from './deep-verification.ts'
import { groupByLastToken, groupedJobs, rowsOfSequence } from './last-token-candidates.ts'
import { type CheckFunction, type Scored, type ScoredItem, scoredItemOf, scoredOf } from './scored-item.ts'
import { type Usage, usageOf, workUsage } from './usage.ts'

/** How one item ended. */
export type Outcome = ScoredItem | { readonly item: LogprobItem; readonly error: ServiceError }

export interface Evaluation {
  /** In the order of the items; none rejects. */
  readonly outcomes: readonly Promise<Outcome>[]
  /** Known when all of them have ended; never rejects. */
  readonly usage: Promise<Usage>
}

/** What an evaluator has to know of the model. */
export interface EvaluationContext extends EncodingContext {
  readonly causal: 'exact' | 'approximate'
}

/** Told of every sequence that was scored without deep verification. */
export type ScoredListener = (encoded: EncodedItem, scored: Scored) => void

/** An item on its way through the model; `error` when it could not be encoded. */
interface Attempt {
  readonly item: LogprobItem
  readonly encoded: EncodedItem | ServiceError
  readonly main: ScoringJob | null
  readonly verification: VerificationPasses<Batch> | null
}

/** Scores (x, y) items for every endpoint that takes them: texts to tokens, tokens to rows, rows to checked numbers. */
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

  /** Tells `listener` of every sequence scored from now on. */
  listen(listener: ScoredListener): void {
    this.#onScored = listener
  }

  /**
   * Scores all items of a request. Throws `queue_full` before any is begun; what is wrong with a single item is its
   * outcome and leaves the others alone.
   */
  async evaluate(items: readonly LogprobItem[], options: LogprobOptions, terms: WorkTerms): Promise<Evaluation> {
    return this.evaluateEncoded(items, await this.encode(items, options), options, terms)
  }

  /** The token ids of each item, or why it has none, for callers that must know before anything is scored. */
  encode(items: readonly LogprobItem[], options: LogprobOptions): Promise<(EncodedItem | ServiceError)[]> {
    return encodeItems(items, options, this.#context)
  }

  /** `evaluate` of items that `encode` has made into ids; `encodedItems` has one entry an item, in order. */
  async evaluateEncoded(
    items: readonly LogprobItem[],
    encodedItems: readonly (EncodedItem | ServiceError)[],
    options: LogprobOptions,
    terms: WorkTerms
  ): Promise<Evaluation> {
    const attempts = items.map((item, i) => this.#attempt(item, elementAt(encodedItems, i), options))
    const mains = attempts.flatMap(({ main }) => main ?? [])
    const shared = groupByLastToken(mains)
    const sharedByMain = new Map(mains.map((main, i) => [main, elementAt(shared, i)]))
    const work = [...groupedJobs(shared), ...attempts.flatMap(({ verification }) => (verification === null ? [] : workOf(verification)))]
    const scoresByBatch = new Map<ScoringJob | Batch, Promise<BatchScores>>()
    const submitted = this.#scheduler.submitAll(work, terms)
    submitted.forEach((scores, i) => {
      const each = elementAt(work, i)
      scoresByBatch.set('exactly' in each ? each.exactly : each, scores)
    })
    const scoresOf = async (batch: ScoringJob | Batch): Promise<BatchScores> => {
      const scores = scoresByBatch.get(batch)
      if (scores === undefined) throw new Error('a batch was asked for that was not submitted')
      return scores
    }
    const rowsOf = async (main: ScoringJob): Promise<RowScores | null> => {
      const place = entryOf(sharedByMain, main)
      const [rows] = (await scoresOf(place.job)).rows
      return rows === undefined ? null : rowsOfSequence(place, rows)
    }

    const scored = attempts.map((attempt) => orServiceError(() => this.#scored(attempt, rowsOf)))
    const masses = candidateMasses(attempts, scored, this.#context.toleranceNats)
    const outcomes = attempts.map(async (attempt, i): Promise<Outcome> => {
      const { item, encoded, verification } = attempt
      try {
        const own = await elementAt(scored, i)
        if (encoded instanceof ServiceError) throw encoded
        if (own instanceof ServiceError) throw own
        const deep = verification === null ? [] : await this.#verified(encoded, own, verification, scoresOf)
        return scoredItemOf({ item, encoded, scored: own, options, context: this.#context, checks: this.#checks }, [...(await elementAt(masses, i)), ...deep])
      } catch (error) {
        return { item, error: serviceErrorFrom(error) }
      }
    })
    return { outcomes, usage: workUsage(work, submitted).then((cost) => usageOf(encodedItems, cost)) }
  }

  #attempt(item: LogprobItem, encoded: EncodedItem | ServiceError, options: LogprobOptions): Attempt {
    if (encoded instanceof ServiceError) return { item, encoded, main: null, verification: null }
    const { ids, scoredStart, scoredEnd } = encoded
    const isScored = scoredStart < scoredEnd
    const topCount = options.detail === 'tokens' ? options.topLogprobs : null
    return {
      item,
      encoded,
      main: isScored ? { sequence: { ids: ids.slice(0, scoredEnd), firstScored: scoredStart }, topCount } : null,
      verification: isScored && options.verify === 'deep' ? verificationBatches(encoded, this.#context) : null
    }
  }

  async #scored({ encoded, main, verification }: Attempt, rowsOf: (main: ScoringJob) => Promise<RowScores | null>): Promise<Scored> {
    if (encoded instanceof ServiceError) throw encoded
    const rows = main === null ? null : await rowsOf(main)
    const scored = scoredOf(encoded, rows)
    if (verification === null) this.#onScored(encoded, scored)
    return scored
  }

  async #verified(
    encoded: EncodedItem,
    { rows, sums }: Scored,
    batches: VerificationPasses<Batch>,
    scoresOf: (batch: Batch) => Promise<BatchScores>
  ): Promise<Check[]> {
    if (rows === null) return []
    const passes = await passesOf(batches, scoresOf)
    return verificationChecks(encoded, rows, sums, passes, this.#context)
  }
}
