import type { Batch, EngineState } from './engine.ts'

/** What is known of an engine when a batch has to go to one. */
export interface Candidate {
  readonly state: EngineState
  /** Fed tokens of what it runs and of what waits for it. */
  readonly tokensInHand: number
  /** A count that grows with every batch that any of them is given: that of the last one it was given, 0 before the first. */
  readonly lastGiven: number
}

/**
 * The engine for a batch: of those that are ready the one with the fewest tokens in hand, among equals the one that has
 * been idle longest. While none is ready the batch waits with one that may become it; undefined when none ever will.
 *
 * `holders` have the batch's prefix in their cache. The least loaded of them is taken although others have less to do, as long
 * as it is behind by less than `prefixTokens`, which is at most what its cache saves.
 */
export function chooseEngine<C extends Candidate>(candidates: readonly C[], holders: ReadonlySet<C>, prefixTokens: number): C | undefined {
  const ready = candidates.filter(({ state }) => state === 'ready')
  const usable = ready.length > 0 ? ready : candidates.filter(({ state }) => state === 'starting' || state === 'restarting')
  const inOrder = usable.toSorted((a, b) => a.tokensInHand - b.tokensInHand || a.lastGiven - b.lastGiven)
  const leastLoaded = inOrder[0]
  const holder = inOrder.find((candidate) => holders.has(candidate))
  if (leastLoaded === undefined || holder === undefined) return leastLoaded
  return holder.tokensInHand - leastLoaded.tokensInHand < prefixTokens ? holder : leastLoaded
}

/** Two texts that have this many leading tokens in common are taken to share a prefix worth going back for. */
const LEADING_TOKENS = 32
/** Prefixes that are remembered: more than an engine's cache holds. */
const MAX_PREFIXES = 1024

/**
 * Which engines computed a prefix lately: each keeps a cache of its own, so work goes back to where its prefix lies. A
 * guess from the leading tokens alone; a wrong one costs time and never a number.
 */
export class PrefixAffinity<Holder> {
  /** In the order of their last use, the latest last. */
  readonly #holders = new Map<string, Set<Holder>>()

  /** Engines that were given the leading tokens of this batch's first sequence; none for a plain batch, which reuses nothing. */
  holdersOf(batch: Batch): ReadonlySet<Holder> {
    const key = keyOf(batch)
    return (key === null ? undefined : this.#holders.get(key)) ?? new Set()
  }

  /** `holder` is given this batch. */
  note(batch: Batch, holder: Holder): void {
    const key = keyOf(batch)
    if (key === null) return
    const holders = this.#holders.get(key) ?? new Set()
    this.#holders.delete(key)
    this.#holders.set(key, holders.add(holder))
    const [oldest] = this.#holders.keys()
    if (this.#holders.size > MAX_PREFIXES && oldest !== undefined) this.#holders.delete(oldest)
  }

  /** Its cache went with its process. */
  forget(holder: Holder): void {
    for (const [key, holders] of this.#holders) if (holders.delete(holder) && holders.size === 0) this.#holders.delete(key)
  }
}

function keyOf({ layout, sequences }: Batch): string | null {
  const ids = sequences[0]?.ids
  if (layout !== 'shared' || ids === undefined || ids.length < LEADING_TOKENS) return null
  return ids.subarray(0, LEADING_TOKENS).join(' ')
}
