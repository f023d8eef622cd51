import { ServiceError } from '../../errors.ts'
import { assertAllRows } from './assert-all-rows.ts'
import { attributeOf, integerOf } from './attributes.ts'
import { type Graph, type OnnxNode, producersOf, type TensorInfo } from './graph.ts'

/** Products of rows, the first input, with the vocabulary matrix. */
const HEAD_PRODUCTS = new Set(['MatMul', 'Gemm', 'FusedMatMul', 'MatMulNBits', 'MatMulBnb4', 'MatMulInteger', 'MatMulIntegerToFloat', 'QLinearMatMul'])

/** Operators between that product and `logits` that work row by row: bias, scale, soft-cap, mask, cast. */
const TAIL_OPERATORS = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Tanh',
  'Where',
  'Cast',
  'Identity',
  'Neg',
  'Clip',
  'Min',
  'Max',
  'QuantizeLinear',
  'DequantizeLinear'
])

/** Most nodes of such a tail; the longest seen (bias, scale, mask, three of a soft-cap, cast) has seven. */
const LONGEST_TAIL = 12

/** The LM head: the nodes that turn hidden states (…, H) into logits (…, V). */
export interface Head {
  /**
   * The first input of the product, of rank 2 or 3 with H last: the hidden states, or the bytes that
   * DynamicQuantizeLinear made of them. The scale and zero point of those bytes are those of the whole tensor,
   * whichever rows are scored.
   */
  readonly hidden: string
  /**
   * The product, then its tail. Their other inputs are the same for all rows. A Reshape that restores the batch after a
   * Gemm is left out, because the head scores rows one by one.
   */
  readonly nodes: readonly OnnxNode[]
  /** Output of the last node: the logits, or the input of a Reshape that was left out. */
  readonly output: string
  readonly logits: TensorInfo
}

/** The graph output of the logits. Throws `model_unsupported` when there is none. */
export function logitsOf(graph: Graph): TensorInfo {
  const logits = graph.outputs.find(({ name }) => name === 'logits') ?? graph.outputs.find(({ name }) => /logits/i.test(name))
  if (logits === undefined) {
    const names = graph.outputs.map(({ name }) => name).slice(0, 8)
    const advice = names.some((name) => /hidden_state|embedding|pooler/.test(name))
      ? 'the model extracts features: export it with the task text-generation'
      : 'is it a causal language model?'
    throw new ServiceError('model_unsupported', `the graph has no output named logits; it has ${names.join(', ')}: ${advice}`)
  }
  return logits
}

/** Finds the head by walking back from the logits. Throws `model_unsupported` naming the unrecognised operator. */
export function findHead(graph: Graph): Head {
  const logits = logitsOf(graph)
  const producers = producersOf(graph)
  const shared = sharedTensors(graph)
  const nodes: OnnxNode[] = []
  let tensor = logits.name
  let output = logits.name
  for (let step = 0; step <= LONGEST_TAIL; step++) {
    const node = producers.get(tensor)
    if (node === undefined) throw unsupported(`the logits lead back to the graph input ${tensor} without a vocabulary product`)
    if (node.opType === 'Reshape' && !shared.has(tensor)) {
      const [before = ''] = node.inputs
      if (nodes.length === 0) output = before
      nodes.forEach((each, i) => {
        nodes[i] = { ...each, inputs: each.inputs.map((name) => (name === tensor ? before : name)), encoded: null }
      })
      tensor = before
      continue
    }
    nodes.unshift(node)
    if (HEAD_PRODUCTS.has(node.opType)) {
      const [hidden = '', ...others] = node.inputs
      if (!others.every((name) => shared.has(name))) throw unsupported(`${node.opType} (${node.name}) multiplies two tensors that depend on the text`)
      assertAllRows(graph, hidden, logits)
      return { hidden, nodes, output, logits }
    }

    const rowInputs = node.inputs.filter((name) => !shared.has(name))
    if (!TAIL_OPERATORS.has(node.opType)) throw unsupported(`operator ${node.opType} (${node.name}) comes between the vocabulary product and the logits`)
    if (rowInputs.length !== 1) throw unsupported(`${node.opType} (${node.name}) combines ${rowInputs.length} computed tensors`)
    tensor = rowInputs[0] ?? ''
  }
  throw unsupported(`more than ${LONGEST_TAIL} operators follow the vocabulary product`)
}

/**
 * The tensors that are the same for all rows: computed from weights and constants alone, or the scale and zero point
 * that DynamicQuantizeLinear returns for a whole tensor. One pass is enough, because ONNX nodes are in topological
 * order.
 */
function sharedTensors({ nodes, initializers }: Graph): ReadonlySet<string> {
  const shared = new Set(['', ...initializers.map(({ name }) => name)])
  for (const node of nodes) {
    const outputs = [...node.inputs, ...node.captures].every((name) => shared.has(name)) ? node.outputs : []
    const scaleAndZeroPoint = node.opType === 'DynamicQuantizeLinear' ? node.outputs.slice(1) : []
    for (const output of [...outputs, ...scaleAndZeroPoint]) shared.add(output)
  }
  return shared
}

function unsupported(reason: string): ServiceError {
  return new ServiceError('model_unsupported', `the LM head was not recognised: ${reason}`)
}

/** Logits of a row; null when the graph does not say. With a padded vocabulary config.json may state fewer. */
export function vocabularyWidth(graph: Graph, { logits, nodes }: Head): number | null {
  const declared = logits.shape?.at(-1)
  if (typeof declared === 'number') return declared
  const [product] = nodes
  if (product === undefined) return null
  // MatMulNBits and MatMulBnb4 state their columns in the attribute N.
  const columns = integerOf(product, 'N', 0)
  if (columns > 0) return columns
  const isTransposed = integerOf(product, 'transB', 0) === 1
  return widthOf(graph, product.inputs[product.opType === 'QLinearMatMul' ? 3 : 1] ?? '', isTransposed)
}

/** The last dimension of a matrix, or the first when it is used transposed, traced back to its weights. */
function widthOf(graph: Graph, name: string, isTransposed: boolean): number | null {
  const weights = graph.initializers.find((each) => each.name === name)
  if (weights !== undefined) return weights.dims.at(isTransposed ? -2 : -1) ?? null
  const node = producersOf(graph).get(name)
  if (node === undefined) return null
  if (node.opType === 'Transpose') {
    const [last = 0, first = 1] = attributeOf(node, 'perm')?.integers.toReversed() ?? []
    return widthOf(graph, node.inputs[0] ?? '', last < first ? !isTransposed : isTransposed)
  }
  return node.opType === 'DequantizeLinear' || node.opType === 'Cast' || node.opType === 'Identity' ? widthOf(graph, node.inputs[0] ?? '', isTransposed) : null
}
