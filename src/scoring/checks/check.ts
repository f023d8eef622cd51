import { PASS_ENTRIES } from './catalog/passes.ts'
import { PROBE_ENTRIES } from './catalog/probes.ts'
import { LOSS_ENTRIES, REQUEST_ENTRIES } from './catalog/request.ts'

export type CheckStatus = 'pass' | 'warn' | 'fail' | 'skipped'

/** One condition that a trustworthy result meets, as it was found. docs/reference/checks.md describes each `id`. */
export interface Check {
  readonly id: CheckId
  readonly status: CheckStatus
  /**
   * Whether the check compares two numbers that were come by separately. Without that, it guards against a fault of
   * this service's own bookkeeping but says nothing about the model.
   */
  readonly independent: boolean
  readonly value: number | null
  readonly tolerance: number | null
  readonly message: string
}

export interface Checks {
  /** The worst status among the items; `skipped` counts as nothing. */
  readonly verdict: 'pass' | 'warn' | 'fail'
  readonly items: readonly Check[]
}

interface Finding {
  readonly independent?: boolean
  readonly value?: number | null
  readonly tolerance?: number | null
}

/**
 * A check as it was found. What does not pass also says why, the likely causes in order, and what to do: whoever reads
 * the answer alone must know.
 */
export function check(id: CheckId, status: CheckStatus, message: string, { independent = false, value = null, tolerance = null }: Finding = {}): Check {
  return { id, status, independent, value, tolerance, message: status === 'warn' || status === 'fail' ? explained(id, message) : message }
}

function explained(id: CheckId, message: string): string {
  const { causes, advice } = CHECK_CATALOG[id]
  return `${message}. Likely causes, the most likely first: ${causes.map((cause, i) => `(${i + 1}) ${cause}`).join('; ')}. What to do: ${advice}`
}

export function verdictOf(items: readonly Check[]): Checks {
  const has = (status: CheckStatus): boolean => items.some((item) => item.status === status)
  return { verdict: has('fail') ? 'fail' : has('warn') ? 'warn' : 'pass', items }
}

/** Every check, once. Messages take their causes and their advice from here, and docs/reference/checks.md is written from it. */
export const CHECK_CATALOG = { ...REQUEST_ENTRIES, ...PASS_ENTRIES, ...PROBE_ENTRIES, ...LOSS_ENTRIES }

export type CheckId = keyof typeof CHECK_CATALOG
