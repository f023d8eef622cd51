import { type AttentionSoftmax, tokenMixingOf } from './attention-scores.ts'
import { buildInt64, buildNode } from './build-node.ts'
import { FLOAT, FLOAT16 } from './data-types.ts'
import { elementTypeOf } from './element-type.ts'
import type { Graph, OnnxNode } from './graph.ts'
import { groupQueryWindow, groupQueryWithBias, whyGroupQueryNot } from './group-query-bias.ts'
import { wholeTensorQuantizers } from './numerics.ts'
import { rescalesPositions, withGivenPositions } from './positions.ts'
import { removeDead } from './remove-dead.ts'

/**
 * The input that `withAttentionBias` adds: float32 (1, 1, S, P+S) for S fed tokens after P tokens of a past, added to
 * the attention scores of every head and layer; 0 where row i may see column j, `BLOCKED` where it may not. A plain
 * pass feeds one zero, (1, 1, 1, 1).
 */
export const ATTENTION_BIAS = 'logpr.attention_bias'

/** Bias of a hidden column: its weight after the Softmax is exactly 0. In float16 it becomes minus infinity. */
export const BLOCKED = -1e9

const HALF_BIAS = `${ATTENTION_BIAS}.float16`
/** Computes whether the bias has more than the one column of a plain pass. */
const BIAS_IS_GIVEN = {
  output: `${ATTENTION_BIAS}.is_given`,
  nodes: [
    buildNode('Shape', [ATTENTION_BIAS], [`${ATTENTION_BIAS}.shape`]),
    buildNode('Gather', [`${ATTENTION_BIAS}.shape`, `${ATTENTION_BIAS}.last`], [`${ATTENTION_BIAS}.columns`], { attributes: { axis: 0 } }),
    buildNode('Greater', [`${ATTENTION_BIAS}.columns`, `${ATTENTION_BIAS}.one`], [`${ATTENTION_BIAS}.is_given`])
  ],
  initializers: [buildInt64(`${ATTENTION_BIAS}.last`, [], [3]), buildInt64(`${ATTENTION_BIAS}.one`, [], [1])]
}

interface Packable {
  /** Has the bias as an input, and `position_ids` if the graph computed positions itself. */
  readonly graph: Graph
  /** Most columns of a packed row, including those of a past; null when only the context bounds it. */
  readonly window: number | null
}

export interface AttentionInfo {
  /** From config.json: how many tokens back the most limited layer sees; null when all layers see everything. */
  readonly slidingWindow: number | null
}

/** The input of com.microsoft's MultiHeadAttention that is added to its scores. */
const MULTI_HEAD_BIAS = 5

/**
 * Adds a bias to the attention scores of a scoring graph, so that one row can hold several sequences and each token
 * sees only its own predecessors. The model's own mask stays: with a single zero as the bias, scores equal those of the
 * original graph bit for bit.
 *
 * In a packed row positions restart with each sequence, so a model that measures distance in columns (ALiBi) cannot be
 * packed, and all columns of a row must lie within the sliding window. Returns the reason when a graph cannot be
 * packed.
 */
export function withAttentionBias(model: Graph, { slidingWindow }: AttentionInfo): Packable | { readonly reason: string } {
  if (wholeTensorQuantizers(model).length > 0)
    return { reason: 'activations are quantized over whole tensors, so every token depends on all others in the row' }
  if (model.functions.length > 0) return { reason: 'the graph calls functions that it defines itself, which logpr does not analyse' }
  const positioned = withGivenPositions(model)
  if (positioned === null) return { reason: 'the graph computes positions in a way that logpr does not recognise, so they cannot restart within a row' }
  const { graph } = positioned
  if (rescalesPositions(graph, positioned.counted))
    return { reason: 'the graph scales positions by the largest one, so sequences in one row would affect each other' }

  const { softmaxes, fused, strangers } = tokenMixingOf(graph)
  const [stranger] = strangers
  if (stranger !== undefined) return { reason: `${stranger.opType} (${stranger.name}) mixes tokens in a way that logpr does not recognise` }
  if (softmaxes.length + fused.length === 0) return { reason: 'the graph has no attention that logpr recognises' }
  for (const node of fused) {
    const reason = whyFusedNot(graph, node)
    if (reason !== null) return { reason: `${node.opType} (${node.name}) ${reason}` }
  }
  const odd = softmaxes.find(({ masking, hasExtraColumns }) => masking === null && hasExtraColumns)
  if (odd !== undefined) return { reason: `the scores of ${odd.softmax.name} have columns without a token, and no mask to add the bias to` }

  const biased = biasAttention(graph, softmaxes, fused)
  if (biased === null) return { reason: 'the element type of an attention mask is neither float32 nor float16' }
  const bias = { name: ATTENTION_BIAS, elementType: FLOAT, shape: ['bias_batch', 1, 'bias_rows', 'bias_columns'] }
  const windows = [slidingWindow, ...fused.map(groupQueryWindow)].filter((window) => window !== null)
  return {
    // The nodes that computed positions would still run.
    graph: removeDead({ ...biased, inputs: [...graph.inputs, bias] }),
    window: windows.length === 0 ? null : Math.min(...windows)
  }
}

function whyFusedNot(graph: Graph, node: OnnxNode): string | null {
  if (node.opType === 'GroupQueryAttention') return whyGroupQueryNot(graph, node)
  if (node.opType !== 'MultiHeadAttention') return 'has no bias input that logpr knows'
  return (node.inputs[MULTI_HEAD_BIAS] ?? '') === '' ? 'has no mask to add the bias to' : null
}

/** Where the bias enters an attention. */
interface BiasPlace {
  readonly node: OnnxNode
  /** The input that the bias is added to; null for a GroupQueryAttention, which has a bias input. */
  readonly input: number | null
  readonly elementType: number
}

/**
 * Adds the bias to the mask, (B, 1, S, P+S), once for all layers that share it; without such a mask to the scores of
 * each layer, (B, H, S, P+S); for GroupQueryAttention through its bias input. Null when an element type is unknown or
 * not a float.
 */
function biasAttention(graph: Graph, softmaxes: readonly AttentionSoftmax[], fused: readonly OnnxNode[]): Graph | null {
  const places = new Map<OnnxNode, BiasPlace>()
  const place = (node: OnnxNode, input: number | null): void => {
    places.set(node, { node, input, elementType: elementTypeOf(graph, node.inputs[input ?? 0] ?? '') ?? 0 })
  }
  for (const { softmax, masking } of softmaxes) place(masking?.add ?? softmax, masking?.input ?? 0)
  for (const node of fused) place(node, node.opType === 'MultiHeadAttention' ? MULTI_HEAD_BIAS : null)
  const types = new Set([...places.values()].map(({ elementType }) => elementType))
  if (![...types].every((type) => type === FLOAT || type === FLOAT16)) return null

  const hasGroups = fused.some(({ opType }) => opType === 'GroupQueryAttention')
  const added = new Map(hasGroups ? BIAS_IS_GIVEN.initializers.map((constant) => [constant.name, constant]) : [])
  const nodes = [
    ...(types.has(FLOAT16) ? [buildNode('Cast', [ATTENTION_BIAS], [HALF_BIAS], { attributes: { to: FLOAT16 } })] : []),
    ...(hasGroups ? BIAS_IS_GIVEN.nodes : [])
  ]
  const biased = new Set<string>()
  for (const node of graph.nodes) {
    const found = places.get(node)
    if (found === undefined) {
      nodes.push(node)
      continue
    }
    const { input, elementType } = found
    const bias = elementType === FLOAT ? ATTENTION_BIAS : HALF_BIAS
    if (input === null) {
      const { node: chosen, constants } = groupQueryWithBias(graph, node, { bias, elementType, isGiven: BIAS_IS_GIVEN.output })
      nodes.push(chosen)
      for (const constant of constants) added.set(constant.name, constant)
      continue
    }
    const tensor = node.inputs[input] ?? ''
    const sum = `${tensor}/logpr.biased`
    if (!biased.has(tensor)) nodes.push(buildNode('Add', [tensor, bias], [sum]))
    biased.add(tensor)
    nodes.push({ ...node, inputs: node.inputs.map((name, i) => (i === input ? sum : name)), encoded: null })
  }
  return { ...graph, nodes, initializers: [...graph.initializers, ...added.values()] }
}
