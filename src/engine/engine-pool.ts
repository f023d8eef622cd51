import type { ServiceError } from '../errors.ts'
import { type PendingBatch, unavailable } from './batch-queue.ts'
import { type Candidate, chooseEngine, PrefixAffinity } from './choose-engine.ts'
import { type Batch, type BatchScores, type Engine, type EngineState, longestOf } from './engine.ts'
import type { EngineInfo } from './engine-info.ts'
import type { EngineSpec, KnownAnswer } from './protocol.ts'

/** The engine interface that a pool needs; `ProcessEngine` implements it. */
export interface PoolEngine extends Engine {
  readonly failure: ServiceError | null
  readonly restarts: number
  readonly pendingTokens: number
  started(): Promise<EngineInfo>
  expectFiles(expectedFiles: EngineSpec['expectedFiles']): void
  replace(reason: string): void
  adopt(pending: PendingBatch): void
  handOver(): PendingBatch[]
}

interface PoolParts {
  /** How many engines the pool has once all are started. */
  readonly replicas: number
  readonly executionProvider: EngineSpec['executionProvider']
  /**
   * Starts loading engine `index`, from 0. `known` are the answers of the first engine, which this one has to agree
   * with; `onChange` is that of `ProcessEngineOptions`.
   */
  readonly start: (index: number, known: readonly KnownAnswer[], onChange: () => void) => PoolEngine
}

interface Member extends Candidate {
  readonly engine: PoolEngine
  lastBatchNumber: number
}

/**
 * Runs several engines of one model as one. The first loads alone. The others start once it is ready and the hashes of
 * the model's files are known, so that they are tested against its answers and refuse other files. When an engine
 * crashes or fails, the others go on and take over its batches.
 */
export class EnginePool implements Engine {
  readonly replicas: number
  readonly executionProvider: EngineSpec['executionProvider']
  readonly #parts: PoolParts
  readonly #members: Member[] = []
  readonly #affinity = new PrefixAffinity<Member>()
  #expectedFiles: EngineSpec['expectedFiles'] = {}
  #batches = 0
  #isStopped = false

  constructor(parts: PoolParts) {
    this.#parts = parts
    this.replicas = parts.replicas
    this.executionProvider = parts.executionProvider
    this.#add([])
  }

  /** The state of its best engine. */
  get state(): EngineState {
    if (this.#isStopped) return 'stopped'
    const states = this.#members.map(({ state }) => state)
    if (states.includes('ready')) return 'ready'
    if (states.every((state) => state === 'failed')) return 'failed'
    return this.info === null ? 'starting' : 'restarting'
  }

  get info(): EngineInfo | null {
    return this.#first.info
  }

  /** How many engines are ready. */
  get readyCount(): number {
    return this.#members.filter(({ state }) => state === 'ready').length
  }

  /** Why no engine can be started; null while one can. */
  get failure(): ServiceError | null {
    return this.state === 'failed' ? this.#first.failure : null
  }

  /** How often a process was replaced, over all engines. */
  get restarts(): number {
    return this.#members.reduce((sum, { engine }) => sum + engine.restarts, 0)
  }

  /** Resolves when the first engine is ready. Rejects with the reason why the model cannot be loaded. */
  started(): Promise<EngineInfo> {
    return this.#first.started()
  }

  /** Makes later starts refuse files with other content, and starts the other engines once the first is ready. */
  expectFiles(expectedFiles: EngineSpec['expectedFiles']): void {
    this.#expectedFiles = expectedFiles
    for (const { engine } of this.#members) engine.expectFiles(expectedFiles)
    this.#first.started().then(
      ({ selfTest }) => this.#startOthers(selfTest.answers.map((answer) => ({ source: 'repeated', ...answer }))),
      () => {}
    )
  }

  /** Replaces every ready engine: a wrong score does not say which engine computed it. */
  replace(reason: string): void {
    for (const { engine } of this.#members) engine.replace(reason)
  }

  score(batch: Batch): Promise<BatchScores> {
    const member = this.#choose(batch)
    return member === undefined ? Promise.reject(unavailable(this.failure)) : member.engine.score(batch)
  }

  async close(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#members.map(({ engine }) => engine.close()))
  }

  get #first(): PoolEngine {
    const [first] = this.#members
    if (first === undefined) throw new Error('the constructor of the pool starts the first engine')
    return first.engine
  }

  #startOthers(known: readonly KnownAnswer[]): void {
    while (!this.#isStopped && this.#members.length < this.replicas) this.#add(known).expectFiles(this.#expectedFiles)
  }

  #add(known: readonly KnownAnswer[]): PoolEngine {
    const engine = this.#parts.start(this.#members.length, known, () => this.#changed(member))
    const member: Member = {
      engine,
      lastBatchNumber: 0,
      get state() {
        return engine.state
      },
      get pendingTokens() {
        return engine.pendingTokens
      }
    }
    this.#members.push(member)
    return engine
  }

  /** Moves batches away from engines that are not ready as soon as another one is. */
  #changed(changed: Member): void {
    if (this.#isStopped) return
    if (changed.state !== 'ready') this.#affinity.forget(changed)
    for (const member of this.#members) {
      if (member.state === 'ready' || (this.readyCount === 0 && member.state !== 'failed')) continue
      for (const pending of member.engine.handOver()) {
        const other = this.#choose(pending.batch)
        if (other === undefined) pending.reject(unavailable(this.failure))
        else other.engine.adopt(pending)
      }
    }
  }

  #choose(batch: Batch): Member | undefined {
    if (this.#isStopped) return undefined
    const member = chooseEngine(this.#members, this.#affinity.holdersOf(batch), longestOf(batch))
    if (member === undefined) return undefined
    member.lastBatchNumber = ++this.#batches
    this.#affinity.note(batch, member)
    return member
  }
}
