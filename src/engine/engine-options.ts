import type { PoisonList } from './poison-list.ts'
import type { KnownAnswer, SelfTestTexts } from './protocol.ts'

export interface EngineLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What each process of an engine is tested with. */
export interface SelfTestMaterial {
  /** A promise, because it needs the tokenizer, which loads at the same time as the model. */
  readonly texts: Promise<SelfTestTexts>
  /** Answers stored with the model, and those of the engine that this one has to agree with. */
  readonly stored: readonly KnownAnswer[]
}

export interface ProcessEngineOptions {
  readonly log: EngineLog
  /** An engine process that takes longer over one batch counts as hung and is killed (`BatchTimeLimit`). */
  readonly batchTimeoutMs: number
  /** A process that gives no sign of progress for longer counts as hung and is killed. */
  readonly heartbeatTimeoutMs: number
  /** A process that takes longer to become ready is killed; this counts as a failed start. */
  readonly startTimeoutMs: number
  /** Shared by the engines of a model; one of its own when absent. */
  readonly poison?: PoisonList
  /**
   * Called after each change of state and before a failed engine rejects its batches, so that another can take them
   * over.
   */
  readonly onChange?: () => void
}
