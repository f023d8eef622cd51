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
