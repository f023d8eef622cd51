import { LOSS_ENTRIES } from './catalog/loss.ts'
import { PASS_ENTRIES } from './catalog/passes.ts'
import { PROBE_ENTRIES } from './catalog/probes.ts'
import { REQUEST_ENTRIES } from './catalog/request.ts'

/** Every check, once. Messages take their causes and their advice from here, and docs/checks.md is written from it. */
export const CHECK_CATALOG = { ...REQUEST_ENTRIES, ...PASS_ENTRIES, ...PROBE_ENTRIES, ...LOSS_ENTRIES }

export type CheckId = keyof typeof CHECK_CATALOG
