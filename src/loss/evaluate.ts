import { elementAt } from '../element-at.ts'
import { contextFor, type EncodingContext } from '../encoding/encoding-context.ts'
import type { RowScores, SequenceWork } from '../engine/engine.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from '../evaluation/sequence-integrity.ts'
import { workOfSequence, workUsageOf } from '../evaluation/usage.ts'
import { isSliceOver, nextSlice } from '../event-loop.ts'
import type { ScoringJob, WorkTerms } from '../scheduling/job.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { conventionsOf, diagnoseLoss, type LossDiagnosis } from '../scoring/loss/conventions.ts'
import { type DetailedLossAnswer, type LossAnswer, lossAnswer, type ScoredExample, scoredExample, sequenceOf } from './answer.ts'
import { type LossBatchAnswer, type LossBatchRequest, lossBatchAnswer, placed } from './batch.ts'
import { type ConventionJobs, conventionJobs, exampleLosses } from './convention-jobs.ts'
import { encodeLabels } from './encode-labels.ts'
import { encodeMessages } from './encode-messages.ts'
import { encodePair } from './encode-pair.ts'
import { encodeSegments } from './encode-segments.ts'
import type { EncodedExample } from './encoded-example.ts'
import type { LossInput, LossOptions, LossRequest } from './request.ts'

/** Computes losses for POST /v1/loss: training examples to labelled tokens, tokens to rows, rows to losses. */
export class LossEvaluator {
  readonly #context: EncodingContext
  readonly #scheduler: Scheduler

  constructor(context: EncodingContext, scheduler: Scheduler) {
    this.#context = context
    this.#scheduler = scheduler
  }

  /** Throws `queue_full`, and for an invalid example the errors of an item of /v1/logprob. */
  async evaluate(request: LossRequest, terms: WorkTerms): Promise<DetailedLossAnswer> {
    const { tokens, ...answer } = elementAt(await this.#answers([request], [''], 'tokens', terms), 0)
    if (tokens === undefined) throw new Error('the answer to one example has no tokens')
    return { tokens, ...answer }
  }

  /** Scores the examples of a batch in one pass. Throws as `evaluate` does, naming the example. */
  async evaluateBatch({ requests, paths, detail, reportedLoss }: LossBatchRequest, terms: WorkTerms): Promise<LossBatchAnswer> {
    return lossBatchAnswer(await this.#answers(requests, paths, detail, terms), reportedLoss)
  }

  async #answers(requests: readonly LossRequest[], paths: readonly string[], detail: 'tokens' | 'summary', terms: WorkTerms): Promise<LossAnswer[]> {
    const context = contextFor(this.#context, terms)
    const examples: EncodedExample[] = []
    for (const [i, { input, options }] of requests.entries()) {
      examples.push(
        await encoded(input, options, context).catch((error: unknown) => {
          throw placed(error, elementAt(paths, i))
        })
      )
      if (isSliceOver()) await nextSlice()
    }
    // The sums of squared probabilities are a detail, for gradient norms.
    const jobs = examples.map((example): ScoringJob => ({ sequence: sequenceOf(example), topCount: detail === 'tokens' ? 0 : null }))
    const rows = await Promise.all(this.#scheduler.submit(jobs, terms))
    const answers: LossAnswer[] = []
    for (const [i, { options }] of requests.entries()) {
      const own = elementAt(rows, i)
      const scored = scoredExample(elementAt(examples, i), own)
      const reported = options.reportedLoss === null ? null : await this.#diagnosis(scored, options, options.reportedLoss, terms)
      answers.push(
        lossAnswer({
          scored,
          options,
          tokenizer: this.#context.tokenizer,
          diagnosis: reported?.diagnosis ?? null,
          detail,
          work: workUsageOf([workOfSequence(elementAt(jobs, i).sequence, own), ...(reported?.work ?? [])])
        })
      )
      if (isSliceOver()) await nextSlice()
    }
    return answers
  }

  /**
   * Runs after the main pass, so that they share no batch and the scores of the main pass equal those of /v1/logprob.
   */
  async #diagnosis(
    { example, sequence }: ScoredExample,
    { promptLossWeight }: LossOptions,
    reportedLoss: number,
    terms: WorkTerms
  ): Promise<{ readonly diagnosis: LossDiagnosis; readonly work: readonly SequenceWork[] }> {
    const wanted = conventionJobs(example, this.#context.maxModelLen)
    const jobs = Object.values(wanted).filter((job): job is ScoringJob => job !== null)
    const rows = await Promise.all(this.#scheduler.submit(jobs, terms))
    jobs.forEach(({ sequence }, i) => {
      assertSequenceIntegrity(sequenceIntegrityOf(sequence, elementAt(rows, i)))
    })
    const rowsOf = (name: keyof ConventionJobs): RowScores | null => {
      const job = wanted[name]
      return job === null ? null : elementAt(rows, jobs.indexOf(job))
    }
    const rowsByName = { notShifted: rowsOf('notShifted'), shiftedTwice: rowsOf('shiftedTwice'), end: rowsOf('end') }
    const conventions = conventionsOf(exampleLosses(example, sequence.logProbs, rowsByName, promptLossWeight))
    const expected = promptLossWeight > 0 ? 'prompt_loss_weight_mean' : 'completion_mean'
    return {
      diagnosis: diagnoseLoss(reportedLoss, conventions, expected),
      work: jobs.map(({ sequence: each }, i) => workOfSequence(each, elementAt(rows, i)))
    }
  }
}

async function encoded(input: LossInput, options: LossOptions, context: EncodingContext): Promise<EncodedExample> {
  if (input.form === 'labels') return encodeLabels(input.row, context)
  if (input.form === 'pair') return encodePair(input, options, context)
  return input.form === 'segments' ? encodeSegments(input, options, context) : encodeMessages(input, options, context)
}
