import { ATTENTION_SCORE_BYTES, type Sharing } from '../../engine-info.ts'
import type { EngineSpec, SharingLimits } from '../../protocol.ts'
import type { CacheTensor } from '../prefix-cache/cache-tensor.ts'
import { longestPrefix, PrefixCache } from '../prefix-cache/prefix-cache.ts'
import { PrefixHistory } from '../prefix-cache/prefix-history.ts'
import { off, type SharableGraph } from './sharable-graph.ts'
import { type RunPass, SharedScoring } from './shared-scoring.ts'

/** Bound of the history of recent sequences. */
const HISTORY_BYTES = 8 << 20
/** A pass is never narrower, whatever memory its attention scores take: the overhead of a run would dominate. */
const LEAST_WIDTH = 64

/** Prefix sharing of a loaded model: which abilities are on, and the scorer with its cache. */
export class ModelSharing {
  #abilities: Pick<Sharing, 'packing' | 'prefixCache'>
  #scoring: SharedScoring
  readonly #graph: SharableGraph
  readonly #tensors: readonly CacheTensor[]
  readonly #limits: SharingLimits
  readonly #contextTokens: number
  readonly #run: RunPass

  constructor(graph: SharableGraph, tensors: readonly CacheTensor[], limits: SharingLimits, spec: EngineSpec, run: RunPass) {
    this.#abilities = { packing: graph.packing, prefixCache: graph.prefixCache }
    this.#graph = graph
    this.#tensors = tensors
    this.#limits = limits
    this.#contextTokens = spec.memory?.maxModelLen ?? Number.MAX_SAFE_INTEGER
    this.#run = run
    this.#scoring = this.#newScoring()
  }

  get isOn(): boolean {
    return this.#abilities.packing.isOn || this.#abilities.prefixCache.isOn
  }

  get scoring(): SharedScoring {
    return this.#scoring
  }

  get info(): Sharing {
    return {
      ...this.#abilities,
      longestRow: Math.min(this.#graph.window ?? this.#contextTokens, this.#contextTokens),
      attentionHeads: this.#graph.attentionHeads,
      ...(this.#abilities.prefixCache.isOn ? { longestPrefix: longestPrefix(this.#tensors, this.#limits.prefixCacheBytes) } : {})
    }
  }

  /** Disables an ability whose scores differed from the plain pass in the self-test. */
  switchOff(ability: 'packing' | 'prefixCache', reason: string): void {
    this.#abilities = { ...this.#abilities, [ability]: off(reason) }
    this.clearCache()
  }

  clearCache(): void {
    this.#scoring = this.#newScoring()
  }

  #newScoring(): SharedScoring {
    const { packing, prefixCache } = this.#abilities
    return new SharedScoring({
      run: this.#run,
      packs: packing.isOn,
      longestRow: this.info.longestRow,
      cache: prefixCache.isOn ? new PrefixCache(this.#tensors, this.#limits.prefixCacheBytes) : null,
      history: prefixCache.isOn ? new PrefixHistory(HISTORY_BYTES) : null,
      widestPass: (pastLength) => widestPass(pastLength, this.#limits.maxAttentionBytes, this.#graph.attentionHeads)
    })
  }
}

/** The most columns S after P known tokens with 16 H S (P + S) <= maxBytes; unbounded for fused attention (H = 0). */
export function widestPass(pastLength: number, maxBytes: number, attentionHeads: number): number {
  if (attentionHeads === 0 || maxBytes === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER
  const width = (Math.sqrt(pastLength ** 2 + (4 * maxBytes) / (ATTENTION_SCORE_BYTES * attentionHeads)) - pastLength) / 2
  return Math.max(LEAST_WIDTH, Math.floor(width))
}
