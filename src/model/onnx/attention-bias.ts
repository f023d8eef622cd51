import { type AttentionSoftmax, tokenMixingOf } from './attention-scores.ts'
import { buildInt64, buildNode } from './build-node.ts'
import { elementTypeOf } from './element-type.ts'
import { FLOAT, FLOAT16, type Graph, type OnnxNode } from './graph.ts'
import { groupQueryWindow, groupQueryWithBias, whyGroupQueryNot } from './group-query-bias.ts'
import { wholeTensorQuantizers } from './numerics.ts'
import { rescalesPositions, withGivenPositions } from './positions.ts'
import { removeDead } from './remove-dead.ts'

/**
 * Input that `withAttentionBias` adds: float32 (1, 1, S, P+S) for S fed tokens behind P of a past, added to the attention scores of every
 * head and layer; 0 where column j may be seen by row i, `BLOCKED` where it may not. A plain pass feeds one zero, (1, 1, 1, 1).
 */
export const ATTENTION_BIAS = 'logpr.attention_bias'

/** Bias of a column that must not be seen: its weight after the Softmax is exactly 0. In float16 it becomes minus infinity. */
export const BLOCKED = -1e9

const HALF_BIAS = `${ATTENTION_BIAS}.float16`
/** Whether the bias has several columns: one column needs none. */
const BIAS_IS_GIVEN = {
  output: `${ATTENTION_BIAS}.is_given`,
  nodes: [
    buildNode('Shape', [ATTENTION_BIAS], [`${ATTENTION_BIAS}.shape`]),
    buildNode('Gather', [`${ATTENTION_BIAS}.shape`, `${ATTENTION_BIAS}.last`], [`${ATTENTION_BIAS}.columns`], { attributes: { axis: 0 } }),
    buildNode('Greater', [`${ATTENTION_BIAS}.columns`, `${ATTENTION_BIAS}.one`], [`${ATTENTION_BIAS}.is_given`])
  ],
  initializers: [buildInt64(`${ATTENTION_BIAS}.last`, [], [3]), buildInt64(`${ATTENTION_BIAS}.one`, [], [1])]
}

export interface Packable {
  /** With the input added, and with `position_ids` where the graph counted them itself. */
  readonly graph: Graph
  /** Most columns of a packed row, those of a past included; null where there is no bound but the context. */
  readonly window: number | null
}

export interface AttentionInfo {
  /** What config.json says: how many tokens back some layer sees; null when all layers see everything. */
  readonly slidingWindow: number | null
}

/** Where MultiHeadAttention of com.microsoft takes what is added to its scores. */
const MULTI_HEAD_BIAS = 5

/**
 * Adds a bias to the attention scores of a scoring graph, so that several sequences can stand in one row and each token sees its own
 * predecessors alone. The model's own mask stays as it is: with one zero for a bias the numbers are, bit for bit, those of the graph as it came.
 *
 * A row of several sequences needs positions that begin again, so a model that tells distances by columns (ALiBi) is not packable; and all
 * of its columns must lie within the sliding window. Says why a graph is not packable.
 */
export function withAttentionBias(model: Graph, { slidingWindow }: AttentionInfo): Packable | { readonly reason: string } {
  if (wholeTensorQuantizers(model).length > 0) return { reason: 'activations are quantized over whole tensors, so tokens depend on all others in the row' }
  if (model.functions.length > 0) return { reason: 'the graph calls functions of its own, which are not looked into' }
  const positioned = withGivenPositions(model)
  if (positioned === null) return { reason: 'positions are computed inside the graph in a way that is not recognised, so they cannot begin again within a row' }
  const { graph } = positioned
  if (rescalesPositions(graph, positioned.counted))
    return { reason: 'the graph scales positions by the largest one, so sequences of one row would change each other' }

  const { softmaxes, fused, strangers } = tokenMixingOf(graph)
  const [stranger] = strangers
  if (stranger !== undefined) return { reason: `${stranger.opType} (${stranger.name}) mixes tokens in a way that is not recognised` }
  if (softmaxes.length + fused.length === 0) return { reason: 'no attention was found in the graph' }
  for (const node of fused) {
    const reason = whyFusedNot(graph, node)
    if (reason !== null) return { reason: `${node.opType} (${node.name}) ${reason}` }
  }
  const odd = softmaxes.find(({ masking, hasExtraColumns }) => masking === null && hasExtraColumns)
  if (odd !== undefined) return { reason: `the scores of ${odd.softmax.name} have columns that are no tokens, and no mask to add to` }

  const biased = biasAttention(graph, softmaxes, fused)
  if (biased === null) return { reason: 'the element type of an attention mask could not be told' }
  const bias = { name: ATTENTION_BIAS, elementType: FLOAT, shape: ['bias_batch', 1, 'bias_rows', 'bias_columns'] }
  const windows = [slidingWindow, ...fused.map(groupQueryWindow)].filter((window) => window !== null)
  return {
    // What counted positions before would run still.
    graph: removeDead({ ...biased, inputs: [...graph.inputs, bias] }),
    window: windows.length === 0 ? null : Math.min(...windows)
  }
}

function whyFusedNot(graph: Graph, node: OnnxNode): string | null {
  if (node.opType === 'GroupQueryAttention') return whyGroupQueryNot(graph, node)
  if (node.opType !== 'MultiHeadAttention') return 'takes no bias that logpr knows of'
  return (node.inputs[MULTI_HEAD_BIAS] ?? '') === '' ? 'has no mask to add to' : null
}

/** A node that takes the bias: added to one of its inputs, or, where `input` is null, by itself. */
interface Place {
  readonly node: OnnxNode
  readonly input: number | null
  readonly elementType: number
}

/**
 * Where a mask is added to the scores the bias goes onto the mask, (B, 1, S, P+S), once for all layers that share it; else onto the
 * scores of each layer, (B, H, S, P+S). GroupQueryAttention takes it itself. Null when an element type could not be told.
 */
function biasAttention(graph: Graph, softmaxes: readonly AttentionSoftmax[], fused: readonly OnnxNode[]): Graph | null {
  const places = new Map<OnnxNode, Place>()
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
