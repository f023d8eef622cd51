import { elementAt } from '../element-at.ts'
import type { TokenDetail } from '../evaluation/token-details.ts'
import type { Choice, Score } from './request.ts'

/** The scores of one spelling; log-probabilities in nats. */
export interface SpellingScores {
  /** log Pr(spelling | x), with its terminator. */
  readonly logProb: number
  /** The same tokens behind each x of the baseline, in the order of `baselinesOf`. */
  readonly baselines: readonly number[]
  readonly tokens: number
  readonly bytes: number
  /** Each token of the spelling and its terminator; null unless asked for. */
  readonly details: readonly TokenDetail[] | null
}

interface SpellingAnswer {
  readonly text: string
  readonly log_prob: number
  readonly tokens: number
  readonly token_details?: readonly TokenDetail[]
}

/** A choice before it is compared with the others. */
interface ScoredChoice {
  readonly index: number
  readonly name: string
  /** log Pr(choice | x) in nats: the probabilities of all spellings added. */
  readonly log_prob: number
  readonly score: number
  /** Of the most probable spelling, with its terminator. */
  readonly tokens: number
  readonly value?: number
  /** Of the only spelling. */
  readonly token_details?: readonly TokenDetail[]
  /** Present when there are several. */
  readonly spellings?: readonly SpellingAnswer[]
}

interface ChoiceAnswer extends ScoredChoice {
  readonly probability: number
}

export interface Verdict {
  readonly best: string
  readonly choices: readonly ChoiceAnswer[]
  /** Probability of the best choice minus that of the second best. */
  readonly margin: number
  /** Of the probabilities, in nats. */
  readonly entropy: number
  /** Present when every choice has a value: sum of p v, and the square root of the sum of p (v - expectation)^2. */
  readonly expectation?: number
  readonly deviation?: number
}

/** log of the sum of exp, without overflow. */
export function logSumExp(values: readonly number[]): number {
  const most = Math.max(...values)
  if (most === Number.NEGATIVE_INFINITY) return most
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0))
}

/**
 * Compares the choices. With l = log Pr(spelling | x), n its tokens and LSE over the spellings of a choice:
 *
 * - `sum` LSE(l); `per_token` LSE(l / n); `per_byte` LSE(l / bytes)
 * - `pmi` LSE(l) - LSE(log Pr(spelling | x')), x' the domain prompt (Holtzman et al., 2021, arXiv:2104.08315)
 * - `contextual` LSE(l) - log of the mean over x' of p', x' a content-free prompt and p' the probability of the choice
 *   among the choices behind it (Zhao et al., 2021, arXiv:2102.09690, with W = diag(p')^-1 and b = 0)
 *
 * The probabilities are the softmax of the scores. `scores` has a list of spellings for each choice, in order.
 */
export function verdictOn(choices: readonly Choice[], scores: readonly (readonly SpellingScores[])[], score: Score): Verdict {
  const logProbs = scores.map((spellings) => logSumExp(spellings.map(({ logProb }) => logProb)))
  const compared = comparedScores(scores, logProbs, score)
  return verdictOf(
    choices.map(({ name, spellings, value }, index): ScoredChoice => {
      const own = elementAt(scores, index)
      const most = own.reduce((best, each) => (each.logProb > best.logProb ? each : best))
      return {
        index,
        name,
        log_prob: elementAt(logProbs, index),
        score: elementAt(compared, index),
        tokens: most.tokens,
        ...(value === null ? {} : { value }),
        ...(spellings.length === 1 ? detailsOf(most) : { spellings: spellings.map(({ text }, i) => spellingAnswer(text, elementAt(own, i))) })
      }
    })
  )
}

function spellingAnswer(text: string, scores: SpellingScores): SpellingAnswer {
  return { text, log_prob: scores.logProb, tokens: scores.tokens, ...detailsOf(scores) }
}

function detailsOf({ details }: SpellingScores): Pick<SpellingAnswer, 'token_details'> {
  return details === null ? {} : { token_details: details }
}

/** Compares choices by their scores. */
export function verdictOf(choices: readonly ScoredChoice[]): Verdict {
  const probabilities = softmax(choices.map(({ score }) => score))
  const answers = choices.map(({ index, name, log_prob, score, ...rest }, i): ChoiceAnswer => {
    return { index, name, log_prob, score, probability: elementAt(probabilities, i), ...rest }
  })
  // By score: probabilities can be equal where exp underflows. Of equal scores, the first choice is the best.
  const [first, second] = answers.toSorted((a, b) => b.score - a.score || a.index - b.index)
  if (first === undefined || second === undefined) throw new Error('a question needs at least two choices')
  return {
    best: first.name,
    choices: answers,
    margin: first.probability - second.probability,
    entropy: probabilities.reduce((sum, p) => sum - (p === 0 ? 0 : p * Math.log(p)), 0),
    ...scaleOf(answers)
  }
}

function comparedScores(scores: readonly (readonly SpellingScores[])[], logProbs: readonly number[], { kind }: Score): readonly number[] {
  switch (kind) {
    case 'sum':
      return logProbs
    case 'per_token':
      return scores.map((spellings) => logSumExp(spellings.map(({ logProb, tokens }) => logProb / tokens)))
    case 'per_byte':
      return scores.map((spellings) => logSumExp(spellings.map(({ logProb, bytes }) => logProb / bytes)))
    case 'pmi': {
      const [baseline] = baselineLogProbs(scores)
      if (baseline === undefined) throw new Error('score pmi needs a baseline')
      return logProbs.map((logProb, i) => logProb - elementAt(baseline, i))
    }
    case 'contextual': {
      const perPrompt = baselineLogProbs(scores).map(logSoftmax)
      const mean = logProbs.map((_, i) => logSumExp(perPrompt.map((prompt) => elementAt(prompt, i))) - Math.log(perPrompt.length))
      return logProbs.map((logProb, i) => logProb - elementAt(mean, i))
    }
  }
}

/** Per baseline prompt: the log-probability of each choice behind it. */
function baselineLogProbs(scores: readonly (readonly SpellingScores[])[]): number[][] {
  const prompts = scores[0]?.[0]?.baselines.length ?? 0
  return Array.from({ length: prompts }, (_, prompt) => scores.map((spellings) => logSumExp(spellings.map(({ baselines }) => elementAt(baselines, prompt)))))
}

function logSoftmax(values: readonly number[]): number[] {
  const total = logSumExp(values)
  return values.map((value) => value - total)
}

function softmax(values: readonly number[]): number[] {
  return logSoftmax(values).map(Math.exp)
}

function scaleOf(choices: readonly ChoiceAnswer[]): Pick<Verdict, 'expectation' | 'deviation'> {
  const values = choices.flatMap(({ value }) => value ?? [])
  if (values.length < choices.length) return {}
  const mean = (of: readonly number[]): number => of.reduce((sum, value, i) => sum + elementAt(choices, i).probability * value, 0)
  const expectation = mean(values)
  return { expectation, deviation: Math.sqrt(mean(values.map((value) => (value - expectation) ** 2))) }
}
