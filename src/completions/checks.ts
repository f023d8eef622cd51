import { elementAt } from '../element-at.ts'
import type { RowScores } from '../engine/engine.ts'
import { type Check, type Checks, check, verdictOf } from '../scoring/checks/check.ts'
import { atMostZeroCheck, greedyCheck } from '../scoring/checks/number-checks.ts'
import type { ScoredSequence } from '../scoring/scored-sequence.ts'
import { MIN_LOG_PROB } from './token-scores.ts'

/** A check that did not pass, with the first choice that it concerns. */
export type ChoiceCheck = Check & { readonly choice: number }

/** The scores of the P prompt tokens by position, as the engine returned them. `rows` start at `firstScored`. */
export function promptSequence(ids: Int32Array, rows: RowScores, firstScored: number): ScoredSequence {
  const at = <T>(pick: (row: number) => T): (T | null)[] => Array.from(ids, (_, i) => (i < firstScored ? null : pick(i - firstScored)))
  return {
    ids,
    // A prompt has no x and y; two halves let a sampled verification check both parts.
    sizes: { prefix: 0, x: Math.ceil(ids.length / 2), y: Math.floor(ids.length / 2), eos: 0 },
    logProbs: at((row) => elementAt(rows.logProbs, row)),
    best: at((row) => ({ id: elementAt(rows.bestIds, row), logProb: elementAt(rows.bestLogProbs, row) })),
    ranks: at((row) => (rows.detail === null ? null : elementAt(rows.detail.ranks, row)))
  }
}

/** The checks of /v1/logprob that apply to scores without x and y. */
export function promptChecks(sequence: ScoredSequence): Check[] {
  return [finiteCheck(sequence), atMostZeroCheck(sequence), greedyCheck(sequence)]
}

/** The verdict on all prompts, and the checks that did not pass, each once with the first choice that it concerns. */
export function summaryOf(checksByChoice: readonly (readonly Check[])[]): { readonly verdict: Checks['verdict']; readonly items: ChoiceCheck[] } {
  const notPassed = new Map<string, ChoiceCheck>()
  checksByChoice.forEach((checks, choice) => {
    for (const each of checks) {
      const isNew = each.status === 'fail' ? notPassed.get(each.id)?.status !== 'fail' : each.status === 'warn' && !notPassed.has(each.id)
      if (isNew) notPassed.set(each.id, { ...each, choice })
    }
  })
  const items = [...notPassed.values()]
  return { verdict: verdictOf(items).verdict, items }
}

/** Unlike in /v1/logprob, a token of probability 0 only warns: clients need a number, and get `MIN_LOG_PROB`. */
function finiteCheck({ logProbs }: ScoredSequence): Check {
  const first = logProbs.findIndex((logProb) => logProb !== null && logProb < MIN_LOG_PROB)
  if (first < 0) return check('finite', 'pass', 'every log-probability is a finite number', { independent: true })
  const message = `the log-probability at position ${first} is below ${MIN_LOG_PROB} or minus infinity, and is shown as ${MIN_LOG_PROB}`
  return check('finite', 'warn', message, { independent: true, value: first })
}
