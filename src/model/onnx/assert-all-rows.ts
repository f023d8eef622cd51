import { ServiceError } from '../../errors.ts'
import { attributeOf, integerOf } from './attributes.ts'
import { INT64 } from './data-types.ts'
import { type Graph, type OnnxNode, producersOf, type TensorInfo } from './graph.ts'
import { numbersOfTensor } from './tensor.ts'

/** Operators that may follow the choice of rows before the vocabulary product. */
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
 * Throws `model_unsupported` when the graph computes only the logits of each text's last token, as exports for
 * generation do: the shape of the logits has one row, or a Gather or Slice with constant indices precedes the
 * vocabulary product.
 */
export function assertAllRows(graph: Graph, hidden: string, logits: TensorInfo): void {
  const isOneRow = logits.shape?.length === 3 && logits.shape[1] === 1
  if (!isOneRow && !picksRows(graph, hidden)) return
  throw new ServiceError(
    'model_unsupported',
    'the graph computes the logits of the last token alone, so it cannot score a text: build it without prune_lm_head, or export it with the logits of all tokens'
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

/** Rows are dimension 1 of (B, S, H). */
function isRows(axis: number): boolean {
  return axis === 1 || axis === -2
}

/**
 * Whether constants choose the rows: Gather(data, indices) along the rows, or Slice(data, starts, ends, axes) that
 * starts after the first row. An embedding gathers by the token ids, and the start of num_logits_to_keep is an input.
 */
function isFixedChoice(graph: Graph, node: OnnxNode): boolean {
  const [, at = '', , along = ''] = node.inputs
  const constants = constantIntegers(graph, new Set([at, along]))
  const places = constants.get(at)
  if (places === undefined) return false
  if (node.opType === 'Gather') return isRows(integerOf(node, 'axis', 0))
  const axes = along === '' ? places.map((_, axis) => axis) : (constants.get(along) ?? [])
  return axes.some((axis, i) => isRows(axis) && places[i] !== 0)
}

/** The int64 constants of these names: initializers and Constant nodes whose elements are inside the graph. */
function constantIntegers({ initializers, nodes }: Graph, wanted: ReadonlySet<string>): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, readonly number[]>()
  for (const { name, dataType, value } of initializers) {
    if (!wanted.has(name) || dataType !== INT64 || !(value instanceof Uint8Array)) continue
    const values = numbersOfTensor(value)
    if (values !== null) found.set(name, values)
  }
  for (const node of nodes) {
    const [name = ''] = node.outputs
    if (node.opType !== 'Constant' || !wanted.has(name)) continue
    const tensor = attributeOf(node, 'value')?.tensor ?? null
    const values = tensor === null ? (attributeOf(node, 'value_ints') ?? attributeOf(node, 'value_int'))?.integers : numbersOfTensor(tensor)
    found.set(name, values ?? [])
  }
  return found
}
