import type { EngineState } from './engine.ts'

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
