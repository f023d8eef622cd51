import { elementAt, entryOf } from '../element-at.ts'
import type { EncodedItem, Warning } from '../encoding/encoded-item.ts'
import { DEFAULT_OPTIONS, type LogprobItem, type LogprobOptions } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import type { LogprobEvaluator, Outcome } from '../evaluation/logprob-evaluator.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import { type Usage, usageOf } from '../evaluation/usage.ts'
import { mapInSlices } from '../event-loop.ts'
import type { WorkTerms } from '../scheduling/job.ts'
import type { Check } from '../scoring/checks/check.ts'
import { type SpellingScores, type Verdict, verdictOn } from './answer.ts'
import { choiceChecks, type Mass, massOf, warningsOf } from './checks.ts'
import type { Question, Score } from './request.ts'

/** Options of a request, not of a question. */
export type AnswerOptions = Pick<LogprobOptions, 'verify' | 'detail' | 'topLogprobs'>

/** An answer to one prompt. */
export interface PromptAnswer extends Verdict, Mass {
  readonly checks: readonly Check[]
  readonly warnings: readonly Warning[]
}

export type Scorer = Pick<LogprobEvaluator, 'encode' | 'evaluateEncoded'>

/** One sequence to score: a spelling behind the x of its question, or behind the x of a baseline. */
interface Sequence {
  readonly question: number
  readonly item: LogprobItem
}

/** Answers prompts, each in one order. */
export async function answerPrompts(
  questions: readonly Question[],
  answerOptions: AnswerOptions,
  scorer: Scorer,
  terms: WorkTerms
): Promise<{ readonly prompts: readonly (PromptAnswer | ServiceError)[]; readonly usage: Usage }> {
  // Without joint and marginal, the LM head never runs on x.
  const options: LogprobOptions = { ...DEFAULT_OPTIONS, ...answerOptions, terms: new Set(['conditional'] as const) }
  const encode = async (sequences: readonly Sequence[]): Promise<Map<Sequence, EncodedItem | ServiceError>> => {
    const encoded = new Map<Sequence, EncodedItem | ServiceError>()
    for (const eos of ['none', 'score'] as const) {
      const own = sequences.filter(({ question }) => elementAt(questions, question).eos === eos)
      const items = own.map(({ item }) => item)
      const ofOwn = await scorer.encode(items, { ...options, eos }, terms)
      own.forEach((sequence, i) => {
        encoded.set(sequence, elementAt(ofOwn, i))
      })
    }
    return encoded
  }

  const own = questions.flatMap((question, i) => itemsOf(question).map((item): Sequence => ({ question: i, item })))
  const ownOf = byQuestion(own)
  const ownEncoded = await encode(own)
  const baselines = questions.flatMap(({ score }, question) =>
    promptsOf(score).flatMap((x) =>
      entryOf(ownOf, question).map((sequence): Sequence => ({ question, item: baselineItem(sequence.item, entryOf(ownEncoded, sequence), x) }))
    )
  )
  const baselinesOf = byQuestion(baselines)
  const baselinesEncoded = await encode(baselines)
  for (const [sequence, encoded] of baselinesEncoded)
    if (encoded instanceof ServiceError) baselinesEncoded.set(sequence, baselineError(encoded, elementAt(questions, sequence.question).score))

  const all = [...own, ...baselines]
  const allEncoded = [...own.map((sequence) => entryOf(ownEncoded, sequence)), ...baselines.map((sequence) => entryOf(baselinesEncoded, sequence))]
  const items = all.map(({ item }, index) => ({ ...item, index }))
  const evaluation = await scorer.evaluateEncoded(items, allEncoded, options, terms)
  const outcomes = new Map(await Promise.all(all.map(async (sequence, i) => [sequence, await elementAt(evaluation.outcomes, i)] as const)))
  const outcomesOf = (sequences: readonly Sequence[]): Outcome[] => sequences.map((sequence) => entryOf(outcomes, sequence))
  const prompts = await mapInSlices(questions, (question, i) => promptAnswer(question, outcomesOf(entryOf(ownOf, i)), outcomesOf(baselinesOf.get(i) ?? [])))
  const { computed_tokens, cached_tokens } = await evaluation.usage
  return { prompts, usage: usageOf([...ownEncoded.values()], { computed_tokens, cached_tokens }) }
}

function byQuestion(sequences: readonly Sequence[]): Map<number, Sequence[]> {
  const groups = new Map<number, Sequence[]>()
  for (const sequence of sequences) {
    const group = groups.get(sequence.question)
    if (group === undefined) groups.set(sequence.question, [sequence])
    else group.push(sequence)
  }
  return groups
}

/** `index` is given when the place among all sequences is known. */
function itemsOf({ x, xParam, choices, endText }: Question): LogprobItem[] {
  return choices
    .flatMap(({ spellings }) => spellings)
    .map(({ text, param }, candidate) => ({ index: candidate, candidate, id: null, x, y: text + endText, param: { x: xParam, y: param } }))
}

/** The replacement of x in each baseline of the score. */
export function promptsOf(score: Score): readonly string[] {
  if (score.kind === 'pmi') return [score.domainPrompt]
  return score.kind === 'contextual' ? score.contentFree : []
}

/**
 * The same token ids behind another x: the text by itself may be tokenized differently, which would change the
 * difference.
 */
function baselineItem(item: LogprobItem, encoded: EncodedItem | ServiceError, x: string): LogprobItem {
  if (encoded instanceof ServiceError) return { ...item, x }
  const start = encoded.sizes.prefix + encoded.sizes.x
  return { ...item, x, y: [...encoded.ids.subarray(start, start + encoded.sizes.y)] }
}

function baselineError(error: ServiceError, { kind }: Score): ServiceError {
  if (error.code === 'no_prefix_token')
    return new ServiceError('no_prefix_token', 'score pmi needs Pr(choice) without x, but this model has no prefix token: send a domain_prompt', {
      param: 'score'
    })
  return new ServiceError(error.code, `the baseline of ${kind}: ${error.message}`, error.param === undefined ? {} : { param: error.param })
}

function promptAnswer(question: Question, own: readonly Outcome[], baselines: readonly Outcome[]): PromptAnswer | ServiceError {
  const [error] = [...own, ...baselines].flatMap((outcome) => ('error' in outcome ? outcome.error : []))
  if (error !== undefined) return error
  const items = own as readonly ScoredItem[]
  const behind = baselines as readonly ScoredItem[]
  let at = 0
  const scores = question.choices.map(({ spellings }) =>
    spellings.map((): SpellingScores => {
      const spelling = at++
      const { encoded, tokens } = elementAt(items, spelling)
      return {
        logProb: conditionalOf(elementAt(items, spelling)),
        baselines: Array.from({ length: behind.length / items.length }, (_, prompt) => conditionalOf(elementAt(behind, prompt * items.length + spelling))),
        tokens: encoded.sizes.y + encoded.sizes.eos,
        bytes: encoded.lengths.y.bytes,
        details: tokens === null ? null : [...tokens].filter(({ part }) => part === 'y' || part === 'eos')
      }
    })
  )
  const checks = choiceChecks(items.flatMap((item) => item.checks.items))
  return { ...verdictOn(question.choices, scores, question.score), ...massOf(checks), checks, warnings: warningsOf(items, behind) }
}

function conditionalOf({ sums: { conditional } }: ScoredItem): number {
  if (conditional === null) throw new Error('the result of a choice has no conditional log-probability')
  return conditional
}
