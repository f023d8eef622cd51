export type CheckStatus = 'pass' | 'warn' | 'fail' | 'skipped'

/** One condition that a trustworthy result meets, as it was found. docs/scoring.md describes each `id`. */
export interface Check {
  readonly id: string
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

export function check(id: string, status: CheckStatus, message: string, { independent = false, value = null, tolerance = null }: Finding = {}): Check {
  return { id, status, independent, value, tolerance, message }
}

export function verdictOf(items: readonly Check[]): Checks {
  const has = (status: CheckStatus): boolean => items.some((item) => item.status === status)
  return { verdict: has('fail') ? 'fail' : has('warn') ? 'warn' : 'pass', items }
}
