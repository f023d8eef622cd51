import { withAttentionBias } from '../../../model/onnx/attention-bias.ts'
import { attentionHeads } from '../../../model/onnx/attention-scores.ts'
import type { Graph } from '../../../model/onnx/graph.ts'
import { numericsOf, wholeTensorQuantizers } from '../../../model/onnx/numerics.ts'
import { type CachePair, cachePairs } from '../../../model/onnx/past-key-values.ts'
import { rescalesPositions } from '../../../model/onnx/positions.ts'
import { scoringGraph } from '../../../model/onnx/scoring-graph.ts'
import type { Ability } from '../../engine-info.ts'
import type { SharingLimits } from '../../protocol.ts'

/** A scoring graph with what sharing needs, as far as the model has it. */
export interface SharableGraph {
  readonly graph: Graph
  /** Whether the graph takes an attention bias. */
  readonly takesBias: boolean
  /** Most columns of a packed row; null where the context is the bound. */
  readonly window: number | null
  /** Caches that a pass takes and gives; empty where prefixes are not kept. */
  readonly pairs: readonly CachePair[]
  /** As in `Sharing`. */
  readonly attentionHeads: number
  readonly packing: Ability
  readonly prefixCache: Ability
}

/** Rewrites a model for scoring, with a bias for packed rows and with the caches given out, where it can and `limits` want it. */
export function sharableGraph(model: Graph, limits: SharingLimits): SharableGraph {
  const plain = scoringGraph(model)
  const { pairs, prefixCache } = cachesOf(model, plain, limits)
  const graph = pairs.length === 0 ? plain : scoringGraph(model, { keepPresents: pairs.map(({ present }) => present) })
  const common = { pairs, prefixCache, attentionHeads: attentionHeads(graph, limits.heads) }
  const unpacked = (reason: string): SharableGraph => ({ ...common, graph, takesBias: false, window: null, packing: off(reason) })
  if (!limits.packing) return unpacked('--packing false')
  if (numericsOf(model).activations.startsWith('int8'))
    return unpacked('activations are rounded to 8 bits, so a sum taken in another order can move a token by a whole step')
  const packable = withAttentionBias(graph, { slidingWindow: limits.slidingWindow })
  return 'reason' in packable ? unpacked(packable.reason) : { ...common, graph: packable.graph, window: packable.window, takesBias: true, packing: ON }
}

function cachesOf(model: Graph, scoring: Graph, { prefixCacheBytes }: SharingLimits): { pairs: readonly CachePair[]; prefixCache: Ability } {
  const without = (reason: string) => ({ pairs: [], prefixCache: off(reason) })
  if (prefixCacheBytes === 0) return without('--prefix-cache-bytes 0')
  if (wholeTensorQuantizers(model).length > 0) return without('activations are quantized over whole tensors, so a prefix depends on what follows it')
  if (rescalesPositions(scoring)) return without('the graph scales positions by the largest one, so a prefix depends on what follows it')
  const pairs = cachePairs(model, scoring)
  return pairs === null ? without('the graph takes no keys and values of a past, or gives none') : { pairs, prefixCache: ON }
}

const ON: Ability = { isOn: true, reason: null }

export function off(reason: string): Ability {
  return { isOn: false, reason }
}
