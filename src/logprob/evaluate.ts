import type { RowScores } from '../engine/engine.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { Scheduler, ScoringJob } from '../scheduling/scheduler.ts'
import type { Check } from '../scoring/checks/check.ts'
import { causalityCheck, causalitySkipped } from './causality-check.ts'
import type { EncodingContext } from './draft.ts'
import { encodeItems } from './encode-items.ts'
import type { EncodedItem } from './encoded-item.ts'
import type { LogprobItem, LogprobOptions } from './options.ts'
import { type LogprobResult, resultOf } from './result.ts'

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  /** Tokens that went through the model. */
  readonly computed_tokens: number
  /** Tokens whose computation was reused. */
  readonly cached_tokens: number
}

/** How one item ended. */
export type Outcome = { readonly item: LogprobItem; readonly result: LogprobResult } | { readonly item: LogprobItem; readonly error: ServiceError }

export interface Evaluation {
  /** In the order of the items; none rejects. */
  readonly outcomes: readonly Promise<Outcome>[]
  readonly usage: Usage
}

/** The (x, y) scorer behind `POST /v1/logprob` and `logpr score`: text to tokens, tokens to rows, rows to results. */
export class LogprobEvaluator {
  readonly #context: EncodingContext
  readonly #scheduler: Scheduler

  constructor(context: EncodingContext, scheduler: Scheduler) {
    this.#context = context
    this.#scheduler = scheduler
  }

  /**
   * Scores all items of a request. Throws `queue_full` before any is begun; what is wrong with a single item is its
   * outcome and leaves the others alone.
   */
  async evaluate(items: readonly LogprobItem[], options: LogprobOptions, signal: AbortSignal): Promise<Evaluation> {
    const encodedItems = await encodeItems(items, options, this.#context)
    const plans = encodedItems.map((encoded) => (encoded instanceof ServiceError ? { main: null, xAlone: null } : jobsOf(encoded, options)))
    const jobs = plans.flatMap(({ main, xAlone }) => [main, xAlone].filter((job) => job !== null))
    const rowsByJob = new Map<ScoringJob, Promise<RowScores>>()
    this.#scheduler.submit(jobs, signal).forEach((rows, i) => rowsByJob.set(jobs[i]!, rows))
    const rowsOf = (job: ScoringJob | null): Promise<RowScores> | null => (job === null ? null : (rowsByJob.get(job) ?? null))

    const outcomes = items.map(async (item, i): Promise<Outcome> => {
      const encoded = encodedItems[i]!
      try {
        if (encoded instanceof ServiceError) throw encoded
        const [rows, xRows] = await Promise.all([rowsOf(plans[i]!.main), rowsOf(plans[i]!.xAlone)])
        return {
          item,
          result: resultOf(item, encoded, rows, options, this.#context.tokenizer, deepChecks(encoded, options, rows, xRows, this.#context.toleranceNats))
        }
      } catch (error) {
        return { item, error: serviceErrorFrom(error) }
      }
    })
    return { outcomes, usage: usageOf(encodedItems, jobs) }
  }
}

/** The pass over the whole sequence, none when no token is to be scored, and for `deep` one over x by itself. */
function jobsOf(encoded: EncodedItem, options: LogprobOptions): { main: ScoringJob | null; xAlone: ScoringJob | null } {
  const { ids, sizes, scoredStart, scoredEnd } = encoded
  if (scoredStart >= scoredEnd) return { main: null, xAlone: null }
  const topCount = options.detail === 'tokens' ? options.topLogprobs : null
  const main = { sequence: { ids: ids.slice(0, scoredEnd), firstScored: scoredStart }, topCount }
  const xEnd = sizes.prefix + sizes.x
  const canCompare = options.verify === 'deep' && scoredStart < xEnd && scoredEnd > xEnd
  return { main, xAlone: canCompare ? { sequence: { ids: ids.slice(0, xEnd), firstScored: scoredStart }, topCount: null } : null }
}

function deepChecks(encoded: EncodedItem, { verify }: LogprobOptions, rows: RowScores | null, xRows: RowScores | null, toleranceNats: number): Check[] {
  if (verify !== 'deep') return []
  if (rows === null || xRows === null) return [causalitySkipped('x and y were not both scored, so there is nothing to compare')]
  return [causalityCheck(encoded, rows, xRows, toleranceNats)]
}

function usageOf(items: readonly (EncodedItem | ServiceError)[], jobs: readonly ScoringJob[]): Usage {
  const sizes = items.flatMap((item) => (item instanceof ServiceError ? [] : [item.sizes]))
  const promptTokens = sizes.reduce((sum, { prefix, x }) => sum + prefix + x, 0)
  const completionTokens = sizes.reduce((sum, { y, eos }) => sum + y + eos, 0)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    computed_tokens: jobs.reduce((sum, { sequence }) => sum + sequence.ids.length - 1, 0),
    cached_tokens: 0
  }
}
