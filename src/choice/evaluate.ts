import { elementAt, entryOf } from '../element-at.ts'
import type { EncodedItem, Warning } from '../encoding/encoded-item.ts'
import { DEFAULT_OPTIONS, type LogprobItem, type LogprobOptions } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import type { LogprobEvaluator, Outcome } from '../evaluation/logprob-evaluator.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import { type Usage, usageOf } from '../evaluation/usage.ts'
import { mapInSlices } from '../event-loop.ts'
import type { WorkTerms } from '../scheduling/job.ts'
import { type Check, type Checks, verdictOf, worstChecks } from '../scoring/checks/check.ts'
import { type SpellingScores, type Verdict, verdictOn } from './answer.ts'
import type { Question, Score } from './request.ts'

interface QuestionAnswer extends Verdict {
  readonly index: number
  /** Probability that the text continues with one of the choices; null when they do not exclude each other. */
  readonly mass: number | null
  readonly mass_note?: string
  readonly checks: Checks
  readonly warnings: readonly Warning[]
}

export interface Answers {
  /** One per question, in order. */
  readonly results: readonly (QuestionAnswer | ServiceError)[]
  readonly usage: Usage
}

/** One sequence to score: a spelling behind the x of its question, or behind the x of a baseline. */
interface Sequence {
  readonly question: number
  readonly item: LogprobItem
}

type Scorer = Pick<LogprobEvaluator, 'encode' | 'evaluateEncoded'>

/** Number of sequences that the questions take, baselines included. */
export function sequenceCount(questions: readonly Question[]): number {
  return questions.reduce((sum, { choices, score }) => sum + choices.flatMap(({ spellings }) => spellings).length * (1 + promptsOf(score).length), 0)
}

/**
 * Answers all questions in one evaluation, in which the spellings of a question share the computation of its x. A
 * spelling that cannot be scored makes its question fail, and no other. Throws `queue_full`.
 */
export async function answerQuestions(questions: readonly Question[], verify: LogprobOptions['verify'], scorer: Scorer, terms: WorkTerms): Promise<Answers> {
  // Without joint and marginal, the LM head never runs on x.
  const options: LogprobOptions = { ...DEFAULT_OPTIONS, terms: new Set(['conditional'] as const), verify }
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
  const results = await mapInSlices(questions, (question, i) => answerOf(question, i, outcomesOf(entryOf(ownOf, i)), outcomesOf(baselinesOf.get(i) ?? [])))
  const { computed_tokens, cached_tokens } = await evaluation.usage
  return { results, usage: usageOf([...ownEncoded.values()], { computed_tokens, cached_tokens }) }
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
function promptsOf(score: Score): readonly string[] {
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

function answerOf(question: Question, index: number, own: readonly Outcome[], baselines: readonly Outcome[]): QuestionAnswer | ServiceError {
  const [error] = [...own, ...baselines].flatMap((outcome) => ('error' in outcome ? outcome.error : []))
  if (error !== undefined) return error
  const items = own as readonly ScoredItem[]
  const behind = baselines as readonly ScoredItem[]
  let at = 0
  const scores = question.choices.map(({ spellings }) =>
    spellings.map((): SpellingScores => {
      const spelling = at++
      const { encoded } = elementAt(items, spelling)
      return {
        logProb: conditionalOf(elementAt(items, spelling)),
        baselines: Array.from({ length: behind.length / items.length }, (_, prompt) => conditionalOf(elementAt(behind, prompt * items.length + spelling))),
        tokens: encoded.sizes.y + encoded.sizes.eos,
        bytes: encoded.lengths.y.bytes
      }
    })
  )
  const checks = worstChecks(items.flatMap((item) => item.checks.items).filter(({ id }) => !OF_OTHER_TERMS.has(id)))
  return {
    index,
    ...verdictOn(question.choices, scores, question.score),
    ...massOf(checks),
    checks: verdictOf(checks),
    warnings: [...scaleWarnings(question), ...warningsOf(items, behind)]
  }
}

function conditionalOf({ sums: { conditional } }: ScoredItem): number {
  if (conditional === null) throw new Error('the result of a choice has no conditional log-probability')
  return conditional
}

/** Checks about joint and marginal, which a choice does not report. */
const OF_OTHER_TERMS: ReadonlySet<string> = new Set(['conditional_on_first_token', 'first_token'])

/** The sum of the probabilities is the value of the check `candidate_mass`, which says why there is none. */
function massOf(checks: readonly Check[]): Pick<QuestionAnswer, 'mass' | 'mass_note'> {
  const check = checks.find(({ id }) => id === 'candidate_mass')
  if (check === undefined) throw new Error('the choices have no check candidate_mass')
  return check.value === null ? { mass: null, mass_note: check.message } : { mass: check.value }
}

/** Some values without the others are most likely a mistake, and would leave the expectation out without a word. */
function scaleWarnings({ choices }: Question): Warning[] {
  const onScale = choices.filter(({ value }) => value !== null).length
  if (onScale === 0 || onScale === choices.length) return []
  return [
    {
      code: 'incomplete_scale',
      message: `${onScale} of ${choices.length} choices have a value, so there is no expectation: give every choice a value, or none`
    }
  ]
}

/** Each warning once, those of baselines named as such. */
function warningsOf(items: readonly ScoredItem[], baselines: readonly ScoredItem[]): Warning[] {
  const own = items.flatMap(({ warnings }) => warnings)
  const behind = baselines.flatMap(({ warnings }) => warnings).map(({ code, message }) => ({ code, message: `a baseline: ${message}` }))
  const distinct = new Map(
    [...own, ...behind].filter(({ code }) => !OF_OTHER_TERMS.has(code)).map((warning) => [`${warning.code} ${warning.message}`, warning])
  )
  return [...distinct.values()]
}
