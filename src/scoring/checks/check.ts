import { LOSS_ENTRIES } from './catalog/loss.ts'
import { PASS_ENTRIES } from './catalog/passes.ts'
import { PROBE_ENTRIES } from './catalog/probes.ts'
import { REQUEST_ENTRIES } from './catalog/request.ts'

/**
 * Every check, once. Messages take causes and advice from here; `npm run docs` writes docs/reference/checks.md from
 * it.
 */
export const CHECK_CATALOG = { ...REQUEST_ENTRIES, ...PASS_ENTRIES, ...PROBE_ENTRIES, ...LOSS_ENTRIES }

export type CheckId = keyof typeof CHECK_CATALOG

export type CheckStatus = 'pass' | 'warn' | 'fail' | 'skipped'

/** The outcome of one check, in the form of the API. */
export interface Check {
  readonly id: CheckId
  readonly status: CheckStatus
  /**
   * Whether the check compares two separately computed values. If not, it guards logpr's own bookkeeping and is no
   * evidence about the model.
   */
  readonly independent: boolean
  readonly value: number | null
  readonly tolerance: number | null
  readonly message: string
}

export interface Checks {
  /** The worst status of the items; `skipped` does not count. */
  readonly verdict: 'pass' | 'warn' | 'fail'
  readonly items: readonly Check[]
}

interface Finding {
  readonly independent?: boolean
  readonly value?: number | null
  readonly tolerance?: number | null
}

/**
 * The outcome of a check. Warnings and failures carry the causes and the advice of the catalogue, so that the response
 * explains itself.
 */
export function check(id: CheckId, status: CheckStatus, message: string, { independent = false, value = null, tolerance = null }: Finding = {}): Check {
  return { id, status, independent, value, tolerance, message: status === 'warn' || status === 'fail' ? withCauses(id, message) : message }
}

function withCauses(id: CheckId, message: string): string {
  const { causes, advice } = CHECK_CATALOG[id]
  return `${message}. Likely causes, most likely first: ${causes.map((cause, i) => `(${i + 1}) ${cause}`).join('; ')}. What to do: ${advice}`
}

export function verdictOf(items: readonly Check[]): Checks {
  const has = (status: CheckStatus): boolean => items.some((item) => item.status === status)
  return { verdict: has('fail') ? 'fail' : has('warn') ? 'warn' : 'pass', items }
}

const BY_SEVERITY: readonly CheckStatus[] = ['skipped', 'pass', 'warn', 'fail']

/** The worst outcome of each check, in the order in which the checks first come. */
export function worstChecks(checks: Iterable<Check>): Check[] {
  const worst = new Map<Check['id'], Check>()
  for (const each of checks) {
    const known = worst.get(each.id)
    if (known === undefined || BY_SEVERITY.indexOf(each.status) > BY_SEVERITY.indexOf(known.status)) worst.set(each.id, each)
  }
  return [...worst.values()]
}
