import { withAttentionBias } from '../../../model/onnx/attention-bias.ts'
import { attentionHeads } from '../../../model/onnx/attention-scores.ts'
import type { Graph } from '../../../model/onnx/graph.ts'
import { numericsOf, wholeTensorQuantizers } from '../../../model/onnx/numerics.ts'
import { type CachePair, cachePairs } from '../../../model/onnx/past-key-values.ts'
import { rescalesPositions } from '../../../model/onnx/positions.ts'
import { scoringGraph } from '../../../model/onnx/scoring-graph.ts'
import type { Ability } from '../../engine-info.ts'
import type { SharingLimits } from '../../protocol.ts'

/** A scoring graph with the inputs and outputs that prefix sharing needs, as far as the model supports it. */
export interface SharableGraph {
  readonly graph: Graph
  /** Whether the graph takes an attention bias. */
  readonly takesBias: boolean
  /** Most columns of a packed row; null when only the context bounds it. */
  readonly window: number | null
  /** Past inputs and present outputs of the graph; empty without a prefix cache. */
  readonly pairs: readonly CachePair[]
  /** As in `Sharing`. */
  readonly attentionHeads: number
  readonly packing: Ability
  readonly prefixCache: Ability
}

/**
 * Rewrites a model for scoring, with an attention bias and with cache outputs where `limits` ask for them and the model
 * allows.
 */
export function sharableGraph(model: Graph, limits: SharingLimits): SharableGraph {
  const plain = scoringGraph(model)
  const { pairs, prefixCache } = cachesOf(model, plain, limits)
  const graph = pairs.length === 0 ? plain : scoringGraph(model, { keepPresents: pairs.map(({ present }) => present) })
  const common = { pairs, prefixCache, attentionHeads: attentionHeads(graph, limits.heads) }
  const unpacked = (reason: string): SharableGraph => ({ ...common, graph, takesBias: false, window: null, packing: off(reason) })
  if (!limits.packing) return unpacked('--packing false')
  if (numericsOf(model).activations.startsWith('int8'))
    return unpacked('activations are rounded to 8 bits, so summing in another order can move a token by a whole rounding step')
  const packable = withAttentionBias(graph, { slidingWindow: limits.slidingWindow })
  return 'reason' in packable ? unpacked(packable.reason) : { ...common, graph: packable.graph, window: packable.window, takesBias: true, packing: ON }
}

function cachesOf(model: Graph, scoring: Graph, { prefixCacheBytes }: SharingLimits): { pairs: readonly CachePair[]; prefixCache: Ability } {
  const without = (reason: string) => ({ pairs: [], prefixCache: off(reason) })
  if (prefixCacheBytes === 0) return without('--prefix-cache-bytes 0')
  if (wholeTensorQuantizers(model).length > 0) return without('activations are quantized over whole tensors, so a prefix depends on the tokens after it')
  if (rescalesPositions(scoring)) return without('the graph scales positions by the largest one, so a prefix depends on the tokens after it')
  const pairs = cachePairs(model, scoring)
  return pairs === null ? without('the graph has no past inputs or no present outputs') : { pairs, prefixCache: ON }
}

const ON: Ability = { isOn: true, reason: null }

export function off(reason: string): Ability {
  return { isOn: false, reason }
}
