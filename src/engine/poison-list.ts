import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { Batch } from './engine.ts'

/** Runs of one batch: the first and, after a crash, one more. */
const MAX_ATTEMPTS = 2
const MAX_ENTRIES = 1024
/** The cause may be gone after a while: a short memory, or a bug that an upgrade fixed on another replica. */
const EXPIRY_MS = 600_000

/** `suspect`: a sequence of a batch that crashed; `poison`: it crashed the engine alone, or is such a batch itself. */
type Verdict = 'suspect' | 'poison'

interface Entry {
  readonly verdict: Verdict
  readonly expiresAtMs: number
}

/**
 * Remembers which sequences crashed the engine, by SHA-256 of their token ids, and refuses them afterwards. A batch of
 * several sequences that crashed twice makes all of them suspects. The scheduler then runs each alone, where one more
 * crash is enough: a sequence that crashes the engine costs 3 restarts, however many others were in its batch, and
 * none when it is sent again within 10 minutes.
 */
export class PoisonList {
  /** By hash; the oldest first. */
  readonly #entries = new Map<string, Entry>()
  readonly #now: () => number

  /** `now` is a monotonic clock, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Why a batch must not run: it, or one of its sequences, crashed the engine lately. Null if it may run. */
  refusalOf(batch: Batch): ServiceError | null {
    if (this.#entries.size === 0) return null
    const hashes = hashesOf(batch)
    return [...hashes, batchHash(hashes)].some((hash) => this.#verdictOf(hash) === 'poison')
      ? poisonError('was refused without a try, because it crashed the engine process less than 10 minutes ago')
      : null
  }

  /** How often a batch may run. */
  maxAttempts(batch: Batch): number {
    if (this.#entries.size === 0 || batch.sequences.length > 1) return MAX_ATTEMPTS
    return hashesOf(batch).some((hash) => this.#verdictOf(hash) === 'suspect') ? 1 : MAX_ATTEMPTS
  }

  /** Records that a batch crashed the engine at its last attempt. Returns the error to reject it with. */
  crashed(batch: Batch): ServiceError {
    const hashes = hashesOf(batch)
    if (hashes.length > 1) for (const hash of hashes) this.#put(hash, 'suspect')
    this.#put(batchHash(hashes), 'poison')
    if (hashes.length === 1) return poisonError('crashed the engine process each time it was scored')
    return new ServiceError(
      'engine_crashed',
      `the engine process crashed ${MAX_ATTEMPTS} times while it scored the batch of this request; the batch is not retried again`
    )
  }

  /** A sequence that was scored alone is not to blame for the crash of its batch. */
  scored(batch: Batch): void {
    if (this.#entries.size > 0 && batch.sequences.length === 1) for (const hash of hashesOf(batch)) this.#entries.delete(hash)
  }

  #put(hash: string, verdict: Verdict): void {
    this.#entries.delete(hash)
    this.#entries.set(hash, { verdict, expiresAtMs: this.#now() + EXPIRY_MS })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest)
  }

  #verdictOf(hash: string): Verdict | undefined {
    const entry = this.#entries.get(hash)
    if (entry === undefined || entry.expiresAtMs > this.#now()) return entry?.verdict
    this.#entries.delete(hash)
    return undefined
  }
}

function hashesOf({ sequences }: Batch): string[] {
  return sequences.map(({ ids }) => createHash('sha256').update(ids).digest('base64'))
}

/** Of a single sequence, its own hash. */
function batchHash(hashes: readonly string[]): string {
  return hashes.length === 1 ? hashes.join() : createHash('sha256').update(hashes.join()).digest('base64')
}

function poisonError(finding: string): ServiceError {
  return new ServiceError('poison_request', `a sequence of this request ${finding}; do not send it again, and report it with the log of the service`)
}
