import { availableParallelism } from 'node:os'
import type { EngineLog, ProcessEngineOptions, SelfTestMaterial } from './engine-options.ts'
import { EnginePool } from './engine-pool.ts'
import { ProcessEngine } from './process-engine.ts'
import type { EngineSpec } from './protocol.ts'

/** Begins to load `replicas` engine processes of one model; log lines of several say which one they are of, from 0. */
export function startEngines(
  replicas: number,
  spec: EngineSpec,
  { texts, stored }: SelfTestMaterial,
  { log, ...options }: Omit<ProcessEngineOptions, 'onChange'>
): EnginePool {
  return new EnginePool({
    replicas,
    executionProvider: spec.executionProvider,
    start(index, known, onChange) {
      const ownLog = replicas === 1 ? log : withReplica(log, index)
      return new ProcessEngine(spec, { texts, stored: [...stored, ...known] }, { ...options, log: ownLog, onChange })
    }
  })
}

function withReplica(log: EngineLog, replica: number): EngineLog {
  return {
    info: (fields, message) => log.info({ ...fields, replica }, message),
    warn: (fields, message) => log.warn({ ...fields, replica }, message),
    error: (fields, message) => log.error({ ...fields, replica }, message)
  }
}

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
