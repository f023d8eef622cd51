import { elementAt } from '../element-at.ts'
import type { RowScores } from '../engine/engine.ts'
import { type Check, type Checks, check, verdictOf } from '../scoring/checks/check.ts'
import { atMostZeroCheck, greedyCheck } from '../scoring/checks/number-checks.ts'
import type { ScoredSequence } from '../scoring/scored-sequence.ts'
import { LEAST_LOG_PROB } from './token-scores.ts'

/** A check that did not pass, and the first choice in which it did not. */
export type ChoiceCheck = Check & { readonly choice: number }

/** The numbers of a prompt's own tokens by position, as they came: (P,). `rows` begin at position 1. */
export function promptSequence(ids: Int32Array, rows: RowScores): ScoredSequence {
  const at = <T>(pick: (row: number) => T): (T | null)[] => Array.from(ids, (_, i) => (i === 0 ? null : pick(i - 1)))
  return {
    ids,
    // Nothing here is a prompt and its completion; halves let a verification look at both.
    sizes: { prefix: 0, x: Math.ceil(ids.length / 2), y: Math.floor(ids.length / 2), eos: 0 },
    logProbs: at((row) => elementAt(rows.logProbs, row)),
    best: at((row) => ({ id: elementAt(rows.bestIds, row), logProb: elementAt(rows.bestLogProbs, row) })),
    ranks: at((row) => (rows.detail === null ? null : elementAt(rows.detail.ranks, row)))
  }
}

/** The checks of /v1/logprob that numbers without x and y can be held against. */
export function promptChecks(sequence: ScoredSequence): Check[] {
  return [leastCheck(sequence), atMostZeroCheck(sequence), greedyCheck(sequence)]
}

/** The verdict on all prompts, and what did not pass: each check once, with the first choice that it concerns. */
export function summaryOf(checksByChoice: readonly (readonly Check[])[]): { readonly verdict: Checks['verdict']; readonly items: ChoiceCheck[] } {
  const found = new Map<string, ChoiceCheck>()
  checksByChoice.forEach((checks, choice) => {
    for (const each of checks) {
      const isNews = each.status === 'fail' ? found.get(each.id)?.status !== 'fail' : each.status === 'warn' && !found.has(each.id)
      if (isNews) found.set(each.id, { ...each, choice })
    }
  })
  const items = [...found.values()]
  return { verdict: verdictOf(items).verdict, items }
}

/** A token of probability 0 has no log-probability that JSON could hold, and is shown with the least one. */
function leastCheck({ logProbs }: ScoredSequence): Check {
  const first = logProbs.findIndex((logProb) => logProb !== null && logProb < LEAST_LOG_PROB)
  if (first < 0) return check('finite', 'pass', 'every log-probability is a finite number', { independent: true })
  const message = `the log-probability at position ${first} is below ${LEAST_LOG_PROB} or minus infinity, and is shown as ${LEAST_LOG_PROB}`
  return check('finite', 'warn', message, { independent: true, value: first })
}
