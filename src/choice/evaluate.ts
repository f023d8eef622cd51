import { elementAt } from '../element-at.ts'
import type { Warning } from '../encoding/encoded-item.ts'
import { ServiceError } from '../errors.ts'
import type { Usage } from '../evaluation/usage.ts'
import type { WorkTerms } from '../scheduling/job.ts'
import { type Checks, verdictOf } from '../scoring/checks/check.ts'
import type { Verdict } from './answer.ts'
import { inBothOrders, type OrderVerdict } from './both-orders.ts'
import { choiceChecks, distinctWarnings, type Mass, meanMass, scaleWarnings } from './checks.ts'
import { type AnswerOptions, answerPrompts, type PromptAnswer, promptsOf, type Scorer } from './prompt-answers.ts'
import type { Question } from './request.ts'

interface QuestionAnswer extends Verdict, Mass {
  readonly index: number
  /** Present when the question was asked in both orders; see `BothOrders`. */
  readonly position_bias?: number
  readonly orders_agree?: boolean
  readonly orders?: readonly OrderVerdict[]
  readonly checks: Checks
  readonly warnings: readonly Warning[]
}

export interface Answers {
  /** One per question, in order. */
  readonly results: readonly (QuestionAnswer | ServiceError)[]
  readonly usage: Usage
}

/** Number of sequences that the questions take, baselines and both orders included. */
export function sequenceCount(questions: readonly (Question | ServiceError)[]): number {
  return questions
    .flatMap(promptsAsked)
    .reduce((sum, { choices, score }) => sum + choices.flatMap(({ spellings }) => spellings).length * (1 + promptsOf(score).length), 0)
}

/** A question per order in which it is asked; none for one that cannot be asked. */
function promptsAsked(question: Question | ServiceError): Question[] {
  if (question instanceof ServiceError) return []
  const { swappedX } = question
  return swappedX === null ? [question] : [question, { ...question, x: swappedX }]
}

/**
 * Answers all questions in one evaluation, in which the spellings of a question share the computation of its x. A
 * spelling that cannot be scored makes its question fail, and no other. Throws `queue_full`.
 */
export async function answerQuestions(
  requested: readonly (Question | ServiceError)[],
  answerOptions: AnswerOptions,
  scorer: Scorer,
  terms: WorkTerms
): Promise<Answers> {
  const asked = requested.map(promptsAsked)
  const { prompts, usage } = await answerPrompts(asked.flat(), answerOptions, scorer, terms)
  let at = 0
  const results = requested.map((question, index): QuestionAnswer | ServiceError => {
    if (question instanceof ServiceError) return question
    const own = elementAt(asked, index).map(() => elementAt(prompts, at++))
    return questionAnswer(question, index, own)
  })
  return { results, usage }
}

function questionAnswer(question: Question, index: number, orders: readonly (PromptAnswer | ServiceError)[]): QuestionAnswer | ServiceError {
  const error = orders.find((order) => order instanceof ServiceError)
  if (error !== undefined) return error
  const [given, swapped] = orders as readonly PromptAnswer[]
  if (given === undefined) throw new Error('a question has no prompt')
  const scale = scaleWarnings(question)
  if (swapped === undefined) {
    const { checks, warnings, ...verdict } = given
    return { index, ...verdict, checks: verdictOf(checks), warnings: [...scale, ...warnings] }
  }
  return {
    index,
    ...inBothOrders(orderVerdict('given', given), orderVerdict('swapped', swapped)),
    ...meanMass(given, swapped),
    checks: verdictOf(choiceChecks([given, swapped].flatMap(({ checks }) => checks))),
    warnings: [...scale, ...distinctWarnings([...given.warnings, ...swapped.warnings])]
  }
}

function orderVerdict(order: OrderVerdict['order'], { checks: _, warnings: __, ...verdict }: PromptAnswer): OrderVerdict {
  return { order, ...verdict }
}
