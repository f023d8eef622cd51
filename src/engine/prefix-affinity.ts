import type { Batch } from './engine.ts'

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
