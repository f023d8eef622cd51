import { elementAt, entryOf } from '../element-at.ts'
import type { Warning } from '../encoding/encoded-item.ts'
import { contextFor } from '../encoding/encoding-context.ts'
import type { RowScores } from '../engine/engine.ts'
import { serviceErrorFrom } from '../errors.ts'
import type { EvaluationContext } from '../evaluation/evaluation-context.ts'
import { groupByLastToken, groupedJobs, rowsOfSequence } from '../evaluation/last-token-candidates.ts'
import type { VerifiedSequence } from '../evaluation/sampled-verification.ts'
import { APPROXIMATE } from '../evaluation/scored-item.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from '../evaluation/sequence-integrity.ts'
import { type Usage, type WorkUsage, workUsage } from '../evaluation/usage.ts'
import { mapInSlices, pauseIfLong } from '../event-loop.ts'
import { alsoAbortedBy, computeKeys, type ScoringJob, type WorkTerms } from '../scheduling/job.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import type { Check } from '../scoring/checks/check.ts'
import { logProbSums, type ScoredSequence } from '../scoring/scored-sequence.ts'
import { promptChecks, promptSequence, summaryOf } from './checks.ts'
import { type Choice, choiceOf } from './choice.ts'
import { type EncodedPrompt, encodePrompts } from './encode-prompts.ts'
import type { CompletionsOptions, CompletionsRequest } from './request.ts'
import { assertFinite } from './token-scores.ts'

export interface CompletionsAnswer<T> {
  /** In the order of the prompts. */
  readonly choices: readonly T[]
  readonly usage: Usage
  readonly checks: ReturnType<typeof summaryOf>
  readonly warnings: readonly Warning[]
}

/** Called with every prompt whose own tokens were scored. */
type PromptListener = (verified: VerifiedSequence) => void

interface ScoredPrompt<T> {
  readonly choice: T
  readonly checks: readonly Check[]
}

/**
 * Scores prompts for POST /v1/completions: prompts to ids, ids to jobs, rows to choices. Returns all choices, or
 * throws.
 */
export class CompletionsEvaluator {
  readonly #context: EvaluationContext
  readonly #scheduler: Scheduler
  #onScored: PromptListener = () => {}

  constructor(context: EvaluationContext, scheduler: Scheduler) {
    this.#context = context
    this.#scheduler = scheduler
  }

  /** Replaces the listener. */
  listen(listener: PromptListener): void {
    this.#onScored = listener
  }

  /**
   * Calls `present` with each choice as soon as it is scored and keeps only its result: a choice with twenty top tokens
   * per position takes many times the memory of its JSON. Throws the error of the first invalid prompt, `queue_full`,
   * `scores_mismatched` or `non_finite_logits`.
   */
  async evaluate<T>(request: CompletionsRequest, terms: WorkTerms, present: (choice: Choice) => T): Promise<CompletionsAnswer<T>> {
    const prompts = await encodePrompts(request, contextFor(this.#context, terms))
    const jobByPrompt = await mapInSlices(prompts, (prompt) => jobOfPrompt(prompt, request.options))
    const grouped = await groupByLastToken(jobByPrompt.filter((job) => job !== null))
    const jobs = groupedJobs(grouped)
    await computeKeys(jobs)

    const failed = new AbortController()
    const submitted = this.#scheduler.submitAll(jobs, alsoAbortedBy(terms, failed.signal))
    const scoresByJob = new Map(jobs.map((job, i) => [job, elementAt(submitted, i)]))
    const rowsOf = async (job: ScoringJob): Promise<RowScores> => {
      const place = entryOf(grouped, job)
      const { rows } = await entryOf(scoresByJob, place.job)
      return rowsOfSequence(place, elementAt(rows, 0))
    }

    const scoredPrompt = async (prompt: EncodedPrompt, i: number): Promise<ScoredPrompt<T>> => {
      const job = elementAt(jobByPrompt, i)
      const rows = job === null ? null : await rowsOf(job)
      await pauseIfLong()
      const { choice, checks } = this.#scored(i, prompt, job, rows, request)
      return { choice: present(choice), checks }
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
      // One failed prompt fails the request, so the waiting jobs of the others are dropped.
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
    if (job !== null && rows !== null) {
      assertSequenceIntegrity(sequenceIntegrityOf(job.sequence, rows))
      assertFinite(rows, firstScored, elementAt(prompts, index).param)
    }
    const choice = choiceOf(index, prompt, rows, firstScored, options, this.#context.tokenizer)
    if (rows === null || firstScored > 1 || prompt.ids.length < 2) return { choice, checks: [] }
    const sequence = promptSequence(prompt.ids, rows)
    this.#notify(sequence, rows)
    return { choice, checks: promptChecks(sequence) }
  }

  #notify(sequence: ScoredSequence, rows: RowScores): void {
    const { ids, sizes, logProbs } = sequence
    // Two passes cannot be compared where a log-probability is infinite.
    if (logProbs.some((logProb) => logProb === Number.NEGATIVE_INFINITY)) return
    const own = { ...rows, logProbs: rows.logProbs.subarray(0, ids.length - 1) }
    this.#onScored({ encoded: { ids, sizes, scoredStart: 1, scoredEnd: ids.length }, scored: { rows: own, sums: logProbSums(sequence) } })
  }
}

function usageOf(prompts: readonly EncodedPrompt[], maxTokens: 0 | 1, work: WorkUsage): Usage {
  const promptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0)
  const completionTokens = prompts.length * maxTokens
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens, ...work }
}

/**
 * The job for a prompt of P ids; null when nothing has to be computed. Its rows are the positions `firstScored` to P -
 * 1 and, with max_tokens 1, position P. That row needs the last id to be fed, so an arbitrary id is appended; its own
 * score is ignored, because the generated token is the most probable one of the row.
 */
function jobOfPrompt({ ids }: EncodedPrompt, options: CompletionsOptions): ScoringJob | null {
  const { maxTokens } = options
  const topCount = topCountOf(options)
  if (maxTokens === 1) return { sequence: { ids: withLastRepeated(ids), firstScored: scoresPrompt(options) ? 1 : ids.length }, topCount }
  return scoresPrompt(options) && ids.length > 1 ? { sequence: { ids, firstScored: 1 }, topCount } : null
}

/** A typed copy: spreading the ids of a 5 MB body would block the event loop for 200 ms. */
function withLastRepeated(ids: Int32Array): Int32Array {
  const longer = new Int32Array(ids.length + 1)
  longer.set(ids)
  longer[ids.length] = elementAt(ids, ids.length - 1)
  return longer
}

/** Whether the response shows log-probabilities of the prompt tokens. */
function scoresPrompt({ echo, logprobs, promptLogprobs }: CompletionsOptions): boolean {
  return (echo && logprobs !== null) || promptLogprobs !== null
}

/**
 * `prompt_logprobs` shows ranks, which the engine computes together with top tokens, even when it shows none of these.
 * For `logprobs: 1`, which harnesses send, the best token that every row has is enough.
 */
function topCountOf({ logprobs, promptLogprobs }: CompletionsOptions): number | null {
  if (promptLogprobs !== null) return Math.max(promptLogprobs, logprobs ?? 0)
  return logprobs === null || logprobs <= 1 ? null : logprobs
}
