import { ServiceError } from '../../errors.ts'
import { attributeOf, integerOf } from './attributes.ts'
import { type Graph, INT64, type OnnxNode, producersOf, type TensorInfo } from './graph.ts'
import { bytesOf, fieldsOf, integersOf, sourceOfBytes } from './wire.ts'

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

/** Rows are dimension 1 of (B, S, H), which may be counted from the end. */
function isRows(axis: number): boolean {
  return axis === 1 || axis === -2
}

/**
 * Gather(data, indices) along the rows, or Slice(data, starts, ends, axes) that begins behind the first, where the place is a
 * constant. An embedding gathers places of the text, and num_logits_to_keep begins where an input says.
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

/**
 * Small int64 tensors whose value stands in the graph: initializers and Constant nodes. `wanted` are names; others, and tensors
 * whose bytes lie elsewhere, are left out.
 */
function constantIntegers({ initializers, nodes }: Graph, wanted: ReadonlySet<string>): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, readonly number[]>()
  for (const { name, dataType, value } of initializers)
    if (wanted.has(name) && dataType === INT64 && value instanceof Uint8Array) found.set(name, integersOfTensor(value))
  for (const node of nodes) {
    const [name = ''] = node.outputs
    if (node.opType !== 'Constant' || !wanted.has(name)) continue
    const tensor = attributeOf(node, 'value')?.tensor ?? null
    found.set(name, tensor === null ? [...((attributeOf(node, 'value_ints') ?? attributeOf(node, 'value_int'))?.integers ?? [])] : integersOfTensor(tensor))
  }
  return found
}

/** TensorProto { int64_data 7, raw_data 9 } */
function integersOfTensor(encoded: Uint8Array): number[] {
  const source = sourceOfBytes(encoded)
  const values: number[] = []
  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 7) for (const value of integersOf(source, field)) values.push(Number(value))
    if (field.number !== 9) continue
    const raw = Buffer.from(bytesOf(source, field))
    for (let at = 0; at + 8 <= raw.length; at += 8) values.push(Number(raw.readBigInt64LE(at)))
  }
  return values
}
