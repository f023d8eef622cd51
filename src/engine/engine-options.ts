import type { KnownAnswer, SelfTestTexts } from './protocol.ts'

export interface EngineLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What every process of an engine is tested with. */
export interface SelfTestMaterial {
  /** Needs the tokenizer, which loads at the same time as the model. */
  readonly texts: Promise<SelfTestTexts>
  /** Answers stored with the model, and those of an engine that it has to agree with. */
  readonly stored: readonly KnownAnswer[]
}

export interface ProcessEngineOptions {
  readonly log: EngineLog
  /** A batch that has not been answered after so long means a hung engine, which is killed. */
  readonly batchTimeoutMs: number
  /** A process that is not ready after so long is killed and counts as a failed start. */
  readonly startTimeoutMs: number
  /** Told after each change of its state, before work that it cannot do any more is rejected: others may take that over. */
  readonly onChange?: () => void
}
