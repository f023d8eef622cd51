import { type AttentionSoftmax, tokenMixingOf } from './attention-scores.ts'
import { buildNode } from './build-node.ts'
import { wholeTensorQuantizers } from './dynamic-quantization.ts'
import { elementTypeOf } from './element-type.ts'
import { FLOAT, FLOAT16, type Graph, type OnnxNode } from './graph.ts'
import { rescalesPositions } from './rescaled-positions.ts'

/**
 * Input that `withAttentionBias` adds: float32 (1, 1, S, P+S) for S fed tokens behind P of a past, added to the attention scores of every
 * head and layer; 0 where column j may be seen by row i, `BLOCKED` where it may not.
 */
export const ATTENTION_BIAS = 'logpr.attention_bias'

/** Bias of a column that must not be seen: its weight after the Softmax is exactly 0. In float16 it becomes minus infinity. */
export const BLOCKED = -1e9

export interface Packable {
  /** With the input added. */
  readonly graph: Graph
  /** What a plain pass feeds: zeros of shape (1, 1, 1, 1), or of (1, 1, S, P+S). */
  readonly biasShape: 'broadcast' | 'full'
  /** Most columns of a packed row, those of a past included; null where there is no bound but the context. */
  readonly window: number | null
}

export interface AttentionFacts {
  /** What config.json says: how many tokens back some layer sees; null when all layers see everything. */
  readonly slidingWindow: number | null
}

/**
 * Adds a bias to the attention scores of a scoring graph, so that several sequences can stand in one row and each token sees its own
 * predecessors alone. The model's own mask stays as it is: with a bias of zeros the numbers are, bit for bit, those of the graph as it came.
 *
 * A row of several sequences needs positions that begin again, so a model that computes them itself is not packable; and all of its columns
 * must lie within the sliding window. Says why a graph is not packable.
 */
export function withAttentionBias(graph: Graph, { slidingWindow }: AttentionFacts): Packable | { readonly reason: string } {
  if (wholeTensorQuantizers(graph).length > 0) return { reason: 'activations are quantized over whole tensors, so tokens depend on all others in the row' }
  if (graph.functions.length > 0) return { reason: 'the graph calls functions of its own, which are not looked into' }
  if (!graph.inputs.some(({ name }) => name === 'position_ids'))
    return { reason: 'positions are computed inside the graph: it has no position_ids input, so they cannot begin again within a row' }
  if (rescalesPositions(graph)) return { reason: 'the graph scales positions by the largest one, so sequences of one row would change each other' }

  const { softmaxes, fused, strangers } = tokenMixingOf(graph)
  const [stranger] = [...strangers, ...fused]
  if (stranger !== undefined) return { reason: `${stranger.opType} (${stranger.name}) mixes tokens in a way that is not recognised` }
  if (softmaxes.length === 0) return { reason: 'no attention was found in the graph' }
  const odd = softmaxes.find(({ masking, hasExtraColumns }) => masking === null && hasExtraColumns)
  if (odd !== undefined) return { reason: `the scores of ${odd.softmax.name} have columns that are no tokens, and no mask to add to` }

  const biased = biasScores(graph, softmaxes)
  if (biased === null) return { reason: 'the element type of an attention mask could not be told' }
  return { graph: biased, biasShape: 'broadcast', window: slidingWindow }
}

/**
 * Where a mask is added to the scores the bias goes onto the mask, (B, 1, S, P+S), once for all layers that share it; else onto the
 * scores of each layer, (B, H, S, P+S).
 */
function biasScores(graph: Graph, softmaxes: readonly AttentionSoftmax[]): Graph | null {
  const places = softmaxes.map(({ softmax, masking }) => (masking === null ? { node: softmax, input: 0 } : { node: masking.add, input: masking.input }))
  const inputsOf = new Map<OnnxNode, number>(places.map(({ node, input }) => [node, input]))
  const typed = new Map<number, string>([[FLOAT, ATTENTION_BIAS]])
  const biasedNames = new Map<string, string>()
  const nodes: OnnxNode[] = []

  for (const node of graph.nodes) {
    const at = inputsOf.get(node)
    if (at === undefined) {
      nodes.push(node)
      continue
    }
    const tensor = node.inputs[at] ?? ''
    let biased = biasedNames.get(tensor)
    if (biased === undefined) {
      const elementType = elementTypeOf(graph, tensor)
      if (elementType !== FLOAT && elementType !== FLOAT16) return null
      let bias = typed.get(elementType)
      if (bias === undefined) {
        bias = `${ATTENTION_BIAS}.float16`
        nodes.push(buildNode('Cast', [ATTENTION_BIAS], [bias], { attributes: { to: FLOAT16 } }))
        typed.set(elementType, bias)
      }
      biased = `${tensor}/logpr.biased`
      biasedNames.set(tensor, biased)
      nodes.push(buildNode('Add', [tensor, bias], [biased]))
    }
    const replaced = biased
    nodes.push({ ...node, inputs: node.inputs.map((name, i) => (i === at ? replaced : name)), encoded: null })
  }
  return { ...graph, nodes, inputs: [...graph.inputs, { name: ATTENTION_BIAS, elementType: FLOAT, shape: ['bias_batch', 1, 'bias_rows', 'bias_columns'] }] }
}
