import { elementAt } from '../element-at.ts'
import { contextFor, type EncodingContext } from '../encoding/encoding-context.ts'
import type { RowScores, SequenceWork } from '../engine/engine.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from '../evaluation/sequence-integrity.ts'
import { workOfSequence, workUsageOf } from '../evaluation/usage.ts'
import type { ScoringJob, WorkTerms } from '../scheduling/job.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { conventionsOf, diagnoseLoss, type LossDiagnosis } from '../scoring/loss/conventions.ts'
import { type LossAnswer, lossAnswer, type ScoredExample, scoredExample } from './answer.ts'
import { type ConventionJobs, conventionJobs, exampleLosses } from './convention-jobs.ts'
import { encodeMessages } from './encode-messages.ts'
import { encodePair } from './encode-pair.ts'
import { encodeSegments } from './encode-segments.ts'
import type { EncodedExample } from './encoded-example.ts'
import type { LossInput, LossOptions, LossRequest } from './request.ts'

/** Computes losses for POST /v1/loss: a training example to labelled tokens, tokens to rows, rows to losses. */
export class LossEvaluator {
  readonly #context: EncodingContext
  readonly #scheduler: Scheduler

  constructor(context: EncodingContext, scheduler: Scheduler) {
    this.#context = context
    this.#scheduler = scheduler
  }

  /** Throws `queue_full`, and for an invalid example the errors of an item of /v1/logprob. */
  async evaluate({ input, options }: LossRequest, terms: WorkTerms): Promise<LossAnswer> {
    const example = await this.#encoded(input, options, contextFor(this.#context, terms))
    const main: ScoringJob = { sequence: { ids: example.ids, firstScored: 1 }, topCount: 0 }
    const rows = await elementAt(this.#scheduler.submit([main], terms), 0)
    const scored = scoredExample(example, rows)
    const reported = options.reportedLoss === null ? null : await this.#diagnosis(scored, options, options.reportedLoss, terms)
    return lossAnswer({
      scored,
      options,
      tokenizer: this.#context.tokenizer,
      diagnosis: reported?.diagnosis ?? null,
      work: workUsageOf([workOfSequence(main.sequence, rows), ...(reported?.work ?? [])])
    })
  }

  #encoded(input: LossInput, options: LossOptions, context: EncodingContext): Promise<EncodedExample> {
    if (input.form === 'pair') return encodePair(input, options, context)
    return input.form === 'segments' ? encodeSegments(input, options, context) : encodeMessages(input, options, context)
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
