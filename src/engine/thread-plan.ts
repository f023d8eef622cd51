import { availableParallelism } from 'node:os'
import type { EngineSpec } from './protocol.ts'

/**
 * Threads of each engine when `engines` run side by side on `cores`. `wanted` is a number a engine; 0 gives each engine
 * all cores: one that computes alone is then as fast as by itself, and several share them by the operating system.
 */
export function threadPlan(wanted: number, engines: number, cores = availableParallelism()): Pick<EngineSpec, 'threads' | 'sharesCores'> {
  return { threads: wanted === 0 ? cores : wanted, sharesCores: engines > 1 }
}
