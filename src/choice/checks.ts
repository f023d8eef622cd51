import type { Warning } from '../encoding/encoded-item.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import { type Check, worstChecks } from '../scoring/checks/check.ts'
import type { Question } from './request.ts'

/** Checks about joint and marginal, which a choice does not report. */
const OF_OTHER_TERMS: ReadonlySet<string> = new Set(['conditional_on_first_token', 'first_token'])

/** Of each check of the choices, the worst outcome among their spellings. */
export function choiceChecks(checks: readonly Check[]): Check[] {
  return worstChecks(checks.filter(({ id }) => !OF_OTHER_TERMS.has(id)))
}

export interface Mass {
  /** Probability that the text continues with one of the choices; null when they do not exclude each other. */
  readonly mass: number | null
  readonly mass_note?: string
}

/** The sum of the probabilities is the value of the check `candidate_mass`, which says why there is none. */
export function massOf(checks: readonly Check[]): Mass {
  const check = checks.find(({ id }) => id === 'candidate_mass')
  if (check === undefined) throw new Error('the choices have no check candidate_mass')
  return check.value === null ? { mass: null, mass_note: check.message } : { mass: check.value }
}

/** The mean over two orders, where both have a mass. */
export function meanMass(given: Mass, swapped: Mass): Mass {
  if (given.mass !== null && swapped.mass !== null) return { mass: (given.mass + swapped.mass) / 2 }
  const { mass_note } = given.mass === null ? given : swapped
  return { mass: null, ...(mass_note === undefined ? {} : { mass_note }) }
}

/** Some values without the others are most likely a mistake, and would leave the expectation out without a word. */
export function scaleWarnings({ choices }: Question): Warning[] {
  const onScale = choices.filter(({ value }) => value !== null).length
  if (onScale === 0 || onScale === choices.length) return []
  return [
    {
      code: 'incomplete_scale',
      message: `${onScale} of ${choices.length} choices have a value, so there is no expectation: give every choice a value, or none`
    }
  ]
}

/** The warnings of one prompt, those of baselines named as such. */
export function warningsOf(items: readonly ScoredItem[], baselines: readonly ScoredItem[]): Warning[] {
  const own = items.flatMap(({ warnings }) => warnings)
  const behind = baselines.flatMap(({ warnings }) => warnings).map(({ code, message }) => ({ code, message: `a baseline: ${message}` }))
  return distinctWarnings([...own, ...behind].filter(({ code }) => !OF_OTHER_TERMS.has(code)))
}

/** Each warning once. */
export function distinctWarnings(warnings: readonly Warning[]): Warning[] {
  return [...new Map(warnings.map((warning) => [`${warning.code} ${warning.message}`, warning])).values()]
}
