import { INT64 } from './data-types.ts'
import { type Graph, type OnnxNode, producersOf } from './graph.ts'
import { rotatesInside } from './group-query-bias.ts'

const POSITIONS = 'position_ids'
/** Operators between the product that computes angles and their cosine or sine. */
const ANGLE_PATH = new Set(['Concat', 'Transpose', 'Cast', 'Mul', 'Identity', 'Unsqueeze', 'Reshape', 'Slice'])
const ANGLE_PRODUCTS = new Set(['MatMul', 'Mul', 'Einsum', 'FusedMatMul'])
const MAX_STEPS = 12

interface GivenPositions {
  readonly graph: Graph
  /** The tensors of positions that the input replaced. */
  readonly counted: readonly string[]
}

/**
 * Gives a graph that counts positions itself an input `position_ids` (B, S) instead, when it uses the positions in a
 * known way:
 *
 *     Range or CumSum -> positions (1 or B, S) -> Unsqueeze -> Cast -> product with frequencies -> ... -> Cos, Sin
 *     CumSum -> positions (B, S) -> Gather from a table of learned positions
 *     GroupQueryAttention that rotates queries and keys itself; `groupQueryWithBias` connects the input
 *
 * Masks depend on columns, so they keep their own counts. Returns the graph unchanged when it already has the input,
 * and null when a cosine or sine has another source, or when no such use is found, as with biases by distance (ALiBi).
 */
export function withGivenPositions(graph: Graph): GivenPositions | null {
  if (graph.inputs.some(({ name }) => name === POSITIONS)) return { graph, counted: [] }
  const rotating = graph.nodes.filter(rotatesInside)
  const producers = producersOf(graph)
  const weights = new Set(graph.initializers.map(({ name }) => name))
  const replaced = new Map<OnnxNode, string>()

  for (const node of graph.nodes) {
    if (node.opType === 'Cos' || node.opType === 'Sin') {
      const found = rotaryPositions(node, producers)
      if (found === null) return null
      replaced.set(found, found.inputs[0] ?? '')
    } else if (node.opType === 'Gather' && weights.has(node.inputs[0] ?? '') && countedBy(node.inputs[1] ?? '', producers)?.opType === 'CumSum') {
      replaced.set(node, node.inputs[1] ?? '')
    }
  }
  if (replaced.size + rotating.length === 0) return null
  const attentions = graph.nodes.filter(({ opType }) => opType === 'Softmax' || opType.endsWith('Attention'))
  if (replaced.size === 0 && rotating.length !== attentions.length) return null
  const nodes = graph.nodes.map((node) => {
    const counted = replaced.get(node)
    return counted === undefined ? node : { ...node, inputs: node.inputs.map((name) => (name === counted ? POSITIONS : name)), encoded: null }
  })
  const input = { name: POSITIONS, elementType: INT64, shape: ['batch_size', 'sequence_length'] }
  return { graph: { ...graph, nodes, inputs: [...graph.inputs, input] }, counted: [...replaced.values()] }
}

/** The Unsqueeze of the positions from which a cosine or sine is computed; null when there is none. */
function rotaryPositions(angle: OnnxNode, producers: ReadonlyMap<string, OnnxNode>): OnnxNode | null {
  const open = [...angle.inputs]
  for (let step = 0; step < MAX_STEPS && open.length > 0; step++) {
    const node = producers.get(open.shift() ?? '')
    if (node === undefined) continue
    if (ANGLE_PRODUCTS.has(node.opType))
      for (const factor of node.inputs) {
        const unsqueeze = behindCasts(factor, producers)
        if (unsqueeze?.opType === 'Unsqueeze' && countedBy(unsqueeze.inputs[0] ?? '', producers) !== null) return unsqueeze
      }
    if (ANGLE_PATH.has(node.opType)) open.push(...node.inputs)
  }
  return null
}

function behindCasts(name: string, producers: ReadonlyMap<string, OnnxNode>): OnnxNode | undefined {
  let node = producers.get(name)
  for (let step = 0; node?.opType === 'Cast' && step < MAX_STEPS; step++) node = producers.get(node.inputs[0] ?? '')
  return node
}

/**
 * The Range or CumSum that counts positions of rank 2: Unsqueeze of a Range, or a CumSum along the text, perhaps less
 * one.
 */
function countedBy(name: string, producers: ReadonlyMap<string, OnnxNode>): OnnxNode | null {
  const last = producers.get(name)
  if (last?.opType === 'Unsqueeze') {
    const range = producers.get(last.inputs[0] ?? '')
    return range?.opType === 'Range' ? range : null
  }
  const sum = behindCasts((last?.opType === 'Sub' ? last.inputs[0] : name) ?? '', producers)
  return sum?.opType === 'CumSum' ? sum : null
}

const INTEGER_OPERATORS = new Set(['Cast', 'Identity', 'Unsqueeze', 'Squeeze', 'Reshape', 'Add', 'Sub', 'Expand', 'Slice', 'Gather', 'Flatten'])

/**
 * Whether the graph computes the largest position, of `position_ids` or of `counted`. Rotary embeddings that stretch
 * beyond some length (dynamic NTK, LongRoPE) do: the angles of every token then depend on the longest sequence in the
 * row.
 */
export function rescalesPositions({ nodes }: Graph, counted: readonly string[] = []): boolean {
  const positions = new Set(['position_ids', ...counted])
  for (const node of nodes) {
    // The second input of a Gather is an index, so its output holds no positions.
    const read = node.opType === 'Gather' ? node.inputs.slice(0, 1) : node.inputs
    if (!read.some((name) => positions.has(name))) continue
    if (node.opType === 'ReduceMax' || node.opType === 'ArgMax' || node.opType === 'TopK') return true
    if (INTEGER_OPERATORS.has(node.opType)) for (const output of node.outputs) positions.add(output)
  }
  return false
}
