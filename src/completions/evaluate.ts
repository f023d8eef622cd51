import { setImmediate as nextTurn } from 'node:timers/promises'
import { elementAt, entryOf } from '../element-at.ts'
import type { Warning } from '../encoding/encoded-item.ts'
import type { RowScores } from '../engine/engine.ts'
import { serviceErrorFrom } from '../errors.ts'
import type { EvaluationContext } from '../evaluation/evaluation-context.ts'
import { groupByLastToken, groupedJobs, rowsOfSequence } from '../evaluation/last-token-candidates.ts'
import type { VerifiedSequence } from '../evaluation/sampled-verification.ts'
import { APPROXIMATE } from '../evaluation/scored-item.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from '../evaluation/sequence-integrity.ts'
import { type Usage, type WorkUsage, workUsage } from '../evaluation/usage.ts'
import { alsoAbortedBy, type ScoringJob, type WorkTerms } from '../scheduling/job.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import type { Check } from '../scoring/checks/check.ts'
import { logProbSums } from '../scoring/scored-sequence.ts'
import { promptChecks, promptSequence, summaryOf } from './checks.ts'
import { type Choice, choiceOf } from './choice.ts'
import { type EncodedPrompt, encodePrompts } from './encode-prompts.ts'
import type { CompletionsOptions, CompletionsRequest } from './request.ts'
import { assertNumbers } from './token-scores.ts'

export interface CompletionsAnswer<T> {
  /** In the order of the prompts. */
  readonly choices: readonly T[]
  readonly usage: Usage
  readonly checks: ReturnType<typeof summaryOf>
  readonly warnings: readonly Warning[]
}

/** Told of every prompt whose own tokens were scored. */
type PromptListener = (verified: VerifiedSequence) => void

interface ScoredPrompt<T> {
  readonly choice: T
  readonly checks: readonly Check[]
}

/** The scorer behind POST /v1/completions: prompts to ids, ids to jobs, rows to choices. All prompts are answered, or none. */
export class CompletionsEvaluator {
  readonly #context: EvaluationContext
  readonly #scheduler: Scheduler
  #onScored: PromptListener = () => {}

  constructor(context: EvaluationContext, scheduler: Scheduler) {
    this.#context = context
    this.#scheduler = scheduler
  }

  /** Tells `listener` of every prompt scored from now on. */
  listen(listener: PromptListener): void {
    this.#onScored = listener
  }

  /**
   * Each choice is handed to `present` as soon as it is there, and only what that makes of it is kept: a choice with twenty
   * alternatives a token is many times its JSON. Throws what is wrong with the first bad prompt, `queue_full`,
   * `scores_mismatched` and `non_finite_logits`.
   */
  async evaluate<T>(request: CompletionsRequest, terms: WorkTerms, present: (choice: Choice) => T): Promise<CompletionsAnswer<T>> {
    const prompts = await encodePrompts(request, this.#context)
    const wanted = prompts.map((prompt) => jobOfPrompt(prompt, request.options))
    const grouped = groupByLastToken(wanted.filter((job) => job !== null))
    const jobs = groupedJobs(grouped)

    const failed = new AbortController()
    const submitted = this.#scheduler.submitAll(jobs, alsoAbortedBy(terms, failed.signal))
    const scoresByJob = new Map(jobs.map((job, i) => [job, elementAt(submitted, i)]))
    const rowsOf = async (job: ScoringJob): Promise<RowScores> => {
      const place = entryOf(grouped, job)
      const { rows } = await entryOf(scoresByJob, place.job)
      return rowsOfSequence(place, elementAt(rows, 0))
    }

    const inTurn = oneATurn()
    const scoredPrompt = async (prompt: EncodedPrompt, i: number): Promise<ScoredPrompt<T>> => {
      const job = elementAt(wanted, i)
      const rows = job === null ? null : await rowsOf(job)
      return inTurn(() => {
        const { choice, checks } = this.#scored(i, prompt, job, rows, request)
        return { choice: present(choice), checks }
      })
    }

    try {
      const scored = await Promise.all(prompts.map(scoredPrompt))
      return {
        choices: scored.map(({ choice }) => choice),
        usage: usageOf(prompts, request.options.maxTokens, await workUsage(jobs, submitted)),
        checks: summaryOf(scored.map(({ checks }) => checks)),
        warnings: this.#context.causal === 'approximate' ? [APPROXIMATE] : []
      }
    } catch (error) {
      // The answer is lost with one of its prompts; the others need not be computed any more.
      failed.abort(serviceErrorFrom(error))
      throw error
    }
  }

  #scored(
    index: number,
    prompt: EncodedPrompt,
    job: ScoringJob | null,
    rows: RowScores | null,
    { prompts, options }: CompletionsRequest
  ): ScoredPrompt<Choice> {
    const firstScored = job?.sequence.firstScored ?? 1
    if (job !== null && rows === null) throw new Error('a job was not answered')
    if (job !== null && rows !== null) {
      assertSequenceIntegrity(sequenceIntegrityOf(job.sequence, rows))
      assertNumbers(rows, firstScored, prompts[index]?.param ?? 'prompt')
    }
    const choice = choiceOf(index, prompt, rows, firstScored, options, this.#context.tokenizer)
    if (rows === null || firstScored > 1 || prompt.ids.length < 2) return { choice, checks: [] }
    const sequence = promptSequence(prompt.ids, rows)
    this.#tell(sequence, rows)
    return { choice, checks: promptChecks(sequence) }
  }

  #tell(sequence: ReturnType<typeof promptSequence>, rows: RowScores): void {
    const { ids, sizes, logProbs } = sequence
    if (logProbs.some((logProb) => logProb === Number.NEGATIVE_INFINITY)) return
    const own = { ...rows, logProbs: rows.logProbs.subarray(0, ids.length - 1) }
    this.#onScored({ encoded: { ids, sizes, scoredStart: 1, scoredEnd: ids.length }, scored: { rows: own, sums: logProbSums(sequence) } })
  }
}

/** Runs one piece of work in each turn of the event loop: a batch brings many prompts at once, and others have to get on between them. */
function oneATurn(): <T>(work: () => T) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(() => nextTurn()).then(work)
    last = result.catch(() => {})
    return result
  }
}

function usageOf(prompts: readonly EncodedPrompt[], maxTokens: 0 | 1, work: WorkUsage): Usage {
  const promptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0)
  const completionTokens = prompts.length * maxTokens
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens, ...work }
}

/**
 * What has to be computed for a prompt of P ids; null when nothing is. Its rows are those of positions `firstScored` to
 * P - 1 and, with max_tokens 1, of position P. That one needs the last id to be fed, so another one stands after it,
 * whose own score nobody reads: the row's most probable token is what is generated.
 */
function jobOfPrompt({ ids }: EncodedPrompt, options: CompletionsOptions): ScoringJob | null {
  const { maxTokens } = options
  const topCount = topCountOf(options)
  const lastId = ids.at(-1) ?? 0
  if (maxTokens === 1) return { sequence: { ids: withLast(ids, lastId), firstScored: scoresPrompt(options) ? 1 : ids.length }, topCount }
  return scoresPrompt(options) && ids.length > 1 ? { sequence: { ids, firstScored: 1 }, topCount } : null
}

/** Copied at once: spreading the ids of a body of 5 MB stops the event loop for 200 ms. */
function withLast(ids: Int32Array, lastId: number): Int32Array {
  const longer = new Int32Array(ids.length + 1)
  longer.set(ids)
  longer[ids.length] = lastId
  return longer
}

/** Whether the prompt's own tokens are shown with their log-probabilities. */
function scoresPrompt({ echo, logprobs, promptLogprobs }: CompletionsOptions): boolean {
  return (echo && logprobs !== null) || promptLogprobs !== null
}

/**
 * Ranks come with the alternatives, so a list of the prompt's tokens needs them even where it shows none. The most
 * probable token alone is part of every row: harnesses ask for that, and need neither ranks nor a search for more.
 */
function topCountOf({ logprobs, promptLogprobs }: CompletionsOptions): number | null {
  if (promptLogprobs !== null) return Math.max(promptLogprobs, logprobs ?? 0)
  return logprobs === null || logprobs <= 1 ? null : logprobs
}
