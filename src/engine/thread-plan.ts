import { availableParallelism } from 'node:os'
import type { EngineSpec } from './protocol.ts'

/**
 * Threads of each engine process when `models` run side by side on `cores`, each by `replicas` processes. `wanted` is a
 * number a process; 0 gives each model all cores, in equal parts to its replicas, which run at once whenever there is work
 * for more than one. Models are often idle: one that computes alone is then as fast as by itself, and several share the cores
 * by the operating system.
 */
export function threadPlan(
  wanted: number,
  { models, replicas }: { readonly models: number; readonly replicas: number },
  cores = availableParallelism()
): Pick<EngineSpec, 'threads' | 'sharesCores'> {
  return { threads: wanted === 0 ? Math.max(1, Math.floor(cores / replicas)) : wanted, sharesCores: models * replicas > 1 }
}
