import { ServiceError } from '../../errors.ts'
import { constantIntegers } from './constants.ts'
import { type Graph, type OnnxNode, producersOf, type TensorInfo } from './graph.ts'

/** What may stand between the choice of rows and the vocabulary product. */
const ROW_BY_ROW = new Set([
  'Cast',
  'Identity',
  'Reshape',
  'Unsqueeze',
  'Squeeze',
  'DynamicQuantizeLinear',
  'LayerNormalization',
  'SimplifiedLayerNormalization'
])
const MAX_STEPS = 8

/**
 * Throws `model_unsupported` when the graph was made for generation only and computes the logits of each text's last token alone:
 * its logits say so in their shape, or a Gather or Slice of fixed places stands in front of the vocabulary product.
 */
export function assertAllRows(graph: Graph, hidden: string, logits: TensorInfo): void {
  const isOneRow = logits.shape?.length === 3 && logits.shape[1] === 1
  if (!isOneRow && !picksRows(graph, hidden)) return
  throw new ServiceError(
    'model_unsupported',
    'the graph gives the logits of the last token alone, so no text can be scored: build it again without prune_lm_head, or export it with the logits of all tokens'
  )
}

function picksRows(graph: Graph, hidden: string): boolean {
  const producers = producersOf(graph)
  let node = producers.get(hidden)
  for (let step = 0; node !== undefined && step < MAX_STEPS; step++) {
    if (node.opType === 'Gather' || node.opType === 'Slice') return isFixedChoice(graph, node)
    if (!ROW_BY_ROW.has(node.opType)) return false
    node = producers.get(node.inputs[0] ?? '')
  }
  return false
}

/** Gather(data, indices) or Slice(data, starts, ...) whose place is a constant; a Slice from 0 keeps everything. An embedding gathers places of the text. */
function isFixedChoice(graph: Graph, { opType, inputs }: OnnxNode): boolean {
  const [, at = ''] = inputs
  const places = constantIntegers(graph, new Set([at])).get(at)
  return places !== undefined && (opType === 'Gather' || places.some((place) => place !== 0))
}
