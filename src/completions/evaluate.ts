import { elementAt, entryOf } from '../element-at.ts'
import type { Warning } from '../encoding/encoded-item.ts'
import { contextFor } from '../encoding/encoding-context.ts'
import type { RowScores } from '../engine/engine.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
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
import { type ChatChoice, chatChoiceOf } from './chat-choice.ts'
import type { ChatRequest } from './chat-request.ts'
import { promptChecks, promptSequence, summaryOf } from './checks.ts'
import { type Choice, choiceOf } from './choice.ts'
import { type EncodedPrompt, encodeChatPrompt, encodePrompts } from './encode-prompts.ts'
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

/** Prompts to score from position `firstScored` on; `params` name them in errors. */
interface PromptWork {
  readonly prompts: readonly EncodedPrompt[]
  readonly params: readonly string[]
  readonly options: CompletionsOptions
  readonly firstScored: number
}

/** Makes the choice of a prompt. `rows` begin at position `firstScored`; null when nothing was computed. */
type Present<T> = (index: number, rows: RowScores | null, firstScored: number) => T

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
  async evaluate<T>({ prompts: given, options }: CompletionsRequest, terms: WorkTerms, present: (choice: Choice) => T): Promise<CompletionsAnswer<T>> {
    const prompts = await encodePrompts({ prompts: given, options }, contextFor(this.#context, terms))
    const params = given.map(({ param }) => param)
    return this.#evaluated({ prompts, params, options, firstScored: 1 }, terms, (i, rows, firstScored) =>
      present(choiceOf(i, elementAt(prompts, i), rows, firstScored, options, this.#context.tokenizer))
    )
  }

  /** Scores the last message of a conversation. Throws as `evaluate` does, and `chat_template_failed`. */
  async evaluateChat(request: ChatRequest, terms: WorkTerms): Promise<CompletionsAnswer<ChatChoice>> {
    const { options, conversation } = request
    const prompt = await encodeChatPrompt(conversation, options.maxTokens, contextFor(this.#context, terms))
    if (options.echo && prompt.answer === null)
      throw new ServiceError('chat_template_failed', 'the chat template writes nothing of the last message, so it cannot be scored: use prompt_logprobs', {
        param: 'messages'
      })
    // Without prompt_logprobs, tokens in front of the answer need no scores and may come from the prefix cache.
    const firstScored = options.promptLogprobs === null ? Math.max(1, prompt.answer?.start ?? 1) : 1
    const scored = await this.#evaluated({ prompts: [prompt], params: ['messages'], options, firstScored }, terms, (_, rows, first) =>
      chatChoiceOf(prompt, rows, first, request, this.#context.tokenizer)
    )
    return { ...scored, warnings: [...scored.warnings, ...prompt.warnings] }
  }

  async #evaluated<T>({ prompts, params, options, firstScored }: PromptWork, terms: WorkTerms, present: Present<T>): Promise<CompletionsAnswer<T>> {
    const jobByPrompt = await mapInSlices(prompts, (prompt) => jobOfPrompt(prompt, options, firstScored))
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
      const first = job?.sequence.firstScored ?? 1
      const checks = job === null || rows === null ? [] : this.#checked(prompt, job, rows, elementAt(params, i))
      return { choice: present(i, rows, first), checks }
    }

    try {
      const scored = await Promise.all(prompts.map(scoredPrompt))
      return {
        choices: scored.map(({ choice }) => choice),
        usage: usageOf(prompts, options.maxTokens, await workUsage(jobs, submitted)),
        checks: summaryOf(scored.map(({ checks }) => checks)),
        warnings: this.#context.causal === 'approximate' ? [APPROXIMATE] : []
      }
    } catch (error) {
      // One failed prompt fails the request, so the waiting jobs of the others are dropped.
      failed.abort(serviceErrorFrom(error))
      throw error
    }
  }

  #checked({ ids }: EncodedPrompt, job: ScoringJob, rows: RowScores, param: string): Check[] {
    const { firstScored } = job.sequence
    assertSequenceIntegrity(sequenceIntegrityOf(job.sequence, rows))
    assertFinite(rows, firstScored, param)
    if (ids.length < 2 || firstScored >= ids.length) return []
    const sequence = promptSequence(ids, rows, firstScored)
    if (firstScored === 1) this.#notify(sequence, rows)
    return promptChecks(sequence)
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
function jobOfPrompt({ ids }: EncodedPrompt, options: CompletionsOptions, firstScored: number): ScoringJob | null {
  const { maxTokens } = options
  const topCount = topCountOf(options)
  if (maxTokens === 1) return { sequence: { ids: withLastRepeated(ids), firstScored: scoresPrompt(options) ? firstScored : ids.length }, topCount }
  return scoresPrompt(options) && ids.length > firstScored ? { sequence: { ids, firstScored }, topCount } : null
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
