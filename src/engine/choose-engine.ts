import type { Batch, EngineState } from './engine.ts'

/** What `chooseEngine` compares engines by. */
export interface Candidate {
  readonly state: EngineState
  /** Fed tokens of its running batch and of those that wait for it. */
  readonly pendingTokens: number
  /** Number of the last batch that it was given, counted over all candidates; 0 before its first. */
  readonly lastBatchNumber: number
}

/**
 * Chooses the engine for a batch: the ready one with the fewest pending tokens, or among equals the one whose last
 * batch is oldest. While none is ready the batch waits with one that is starting; undefined when none ever will be
 * ready.
 *
 * `holders` have the batch's prefix in their cache. The least loaded holder is chosen when it has less than
 * `prefixTokens` more pending tokens than the least loaded engine; `prefixTokens` is the most that its cache can save.
 */
export function chooseEngine<C extends Candidate>(candidates: readonly C[], holders: ReadonlySet<C>, prefixTokens: number): C | undefined {
  const ready = candidates.filter(({ state }) => state === 'ready')
  const usable = ready.length > 0 ? ready : candidates.filter(({ state }) => state === 'starting' || state === 'restarting')
  const byLoad = usable.toSorted((a, b) => a.pendingTokens - b.pendingTokens || a.lastBatchNumber - b.lastBatchNumber)
  const leastLoaded = byLoad[0]
  const holder = byLoad.find((candidate) => holders.has(candidate))
  if (leastLoaded === undefined || holder === undefined) return leastLoaded
  return holder.pendingTokens - leastLoaded.pendingTokens < prefixTokens ? holder : leastLoaded
}

/** Two sequences with this many leading tokens in common count as sharing a prefix. */
const LEADING_TOKENS = 32
/** Prefixes that are remembered: more than the prefix cache of an engine holds. */
const MAX_PREFIXES = 1024

/**
 * Remembers which engines computed a prefix lately, to send later batches to where the prefix is cached. It compares
 * leading tokens only: a wrong guess costs time but never changes a score.
 */
export class PrefixAffinity<Holder> {
  /** Least recently used first. */
  readonly #holders = new Map<string, Set<Holder>>()

  /**
   * Engines that were given the leading tokens of this batch's first sequence; none for a plain batch, which reuses
   * nothing.
   */
  holdersOf(batch: Batch): ReadonlySet<Holder> {
    const key = keyOf(batch)
    return (key === null ? undefined : this.#holders.get(key)) ?? new Set()
  }

  /** Records that `holder` is given this batch. */
  note(batch: Batch, holder: Holder): void {
    const key = keyOf(batch)
    if (key === null) return
    const holders = this.#holders.get(key) ?? new Set()
    this.#holders.delete(key)
    this.#holders.set(key, holders.add(holder))
    const [oldest] = this.#holders.keys()
    if (this.#holders.size > MAX_PREFIXES && oldest !== undefined) this.#holders.delete(oldest)
  }

  /** Removes an engine whose process ended, and its prefix cache with it. */
  forget(holder: Holder): void {
    for (const [key, holders] of this.#holders) if (holders.delete(holder) && holders.size === 0) this.#holders.delete(key)
  }
}

function keyOf({ layout, sequences }: Batch): string | null {
  const ids = sequences[0]?.ids
  if (layout !== 'shared' || ids === undefined || ids.length < LEADING_TOKENS) return null
  return ids.subarray(0, LEADING_TOKENS).join(' ')
}
