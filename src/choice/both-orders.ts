import { elementAt } from '../element-at.ts'
import { type Verdict, verdictOf } from './answer.ts'

/** The verdict on one prompt of a question with two orders. Its choices are named as the model reads them. */
export interface OrderVerdict extends Verdict {
  readonly order: 'given' | 'swapped'
  readonly mass: number | null
}

/** What two orders of the candidates say together. */
export interface BothOrders extends Verdict {
  /** Nats of log-odds by which the model prefers the first place, whichever candidate it holds. */
  readonly position_bias: number
  /** Whether the same candidate is best in both orders. */
  readonly orders_agree: boolean
  readonly orders: readonly OrderVerdict[]
}

/**
 * Averages the scores of two prompts that differ in the places of the candidates. The first choice stands for the first
 * place and the second for the second place, so the two change roles; a further choice, such as a tie, keeps its own.
 * With the log-odds of the first over the second place g (given) and s (swapped), the candidates have (g - s) / 2 and
 * the places (g + s) / 2.
 */
export function inBothOrders(given: OrderVerdict, swapped: OrderVerdict): BothOrders {
  const twin = (index: number): number => (index < 2 ? 1 - index : index)
  const mean = (index: number, field: 'log_prob' | 'score'): number =>
    (elementAt(given.choices, index)[field] + elementAt(swapped.choices, twin(index))[field]) / 2
  const combined = given.choices.map(({ index, name, tokens, value }) => ({
    index,
    name,
    log_prob: mean(index, 'log_prob'),
    score: mean(index, 'score'),
    tokens,
    ...(value === undefined ? {} : { value })
  }))
  const logOdds = ({ choices }: Verdict): number => elementAt(choices, 0).score - elementAt(choices, 1).score
  return {
    ...verdictOf(combined),
    position_bias: (logOdds(given) + logOdds(swapped)) / 2,
    orders_agree: bestIndex(given) === twin(bestIndex(swapped)),
    orders: [given, swapped]
  }
}

function bestIndex({ best, choices }: Verdict): number {
  return choices.findIndex(({ name }) => name === best)
}
