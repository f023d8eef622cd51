import { availableParallelism } from 'node:os'
import type { EngineLog, ProcessEngineOptions, SelfTestMaterial } from './engine-options.ts'
import { EnginePool } from './engine-pool.ts'
import { PoisonList } from './poison-list.ts'
import { ProcessEngine } from './process-engine.ts'
import type { EngineSpec } from './protocol.ts'

/** Starts loading `replicas` engine processes of one model. With several, each log line names its replica, from 0. */
export function startEngines(
  replicas: number,
  spec: EngineSpec,
  { texts, stored }: SelfTestMaterial,
  { log, ...options }: Omit<ProcessEngineOptions, 'onChange' | 'poison'>
): EnginePool {
  const poison = new PoisonList()
  return new EnginePool({
    replicas,
    executionProvider: spec.executionProvider,
    start(index, known, onChange) {
      const replicaLog = replicas === 1 ? log : withReplica(log, index)
      return new ProcessEngine(spec, { texts, stored: [...stored, ...known] }, { ...options, log: replicaLog, poison, onChange })
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
 * Threads of each engine process when `models` are served on `cores`, each by `replicas` processes. A positive `wanted`
 * is the number per process. 0 gives each model all cores, split evenly between its replicas, because these run at the
 * same time under load. Models are not given less than all cores: most are idle, so the only busy one runs as fast as
 * it would alone, and the operating system divides the cores between several busy ones.
 */
export function threadPlan(
  wanted: number,
  { models, replicas }: { readonly models: number; readonly replicas: number },
  cores = availableParallelism()
): Pick<EngineSpec, 'threads' | 'sharesCores'> {
  return { threads: wanted === 0 ? Math.max(1, Math.floor(cores / replicas)) : wanted, sharesCores: models * replicas > 1 }
}
