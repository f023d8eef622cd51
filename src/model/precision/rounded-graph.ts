import { buildContributedNode, buildExternal, buildFloat, buildInt64, buildNode, buildTensor } from '../onnx/build-node.ts'
import { FLOAT, INT8, UINT8 } from '../onnx/data-types.ts'
import type { Graph, Initializer, OnnxNode } from '../onnx/graph.ts'
import { BLOCK_SIZE } from './eight-bit-form.ts'
import { type PrecisionPlan, type RoundableProduct, weightOf } from './precision-plan.ts'

/** Location by which tensors of the new graph name the file of rounded weights. */
export const ROUNDED_LOCATION = 'logpr.rounded'

const ZERO_POINT = 128
/** The value of largest magnitude in a row becomes 127 above or below the zero point. */
const LARGEST_ACTIVATION = 127
/** From this operator set on, ReduceMax and ReduceMin take their axes as an input. */
const AXES_ARE_INPUTS = 18
const names = { one: 'logpr.int8/one', share: 'logpr.int8/share', least: 'logpr.int8/least', middle: 'logpr.int8/middle', zero: 'logpr.int8/zero' }
const LAST_AXIS = 'logpr.int8/last_axis'

/**
 * The graph with its planned products on 8-bit weights in the file `ROUNDED_LOCATION`. Float32 weights that nothing
 * else reads are dropped. Products of the same input share its rounding.
 */
export function roundedGraph(graph: Graph, plan: PrecisionPlan): Graph {
  const opset = graph.opsets.get('') ?? 0
  const replaced = new Map(plan.products.map((product) => [product.node, product]))
  const roundedInputs = new Set<string>()
  const nodes = graph.nodes.flatMap((node) => {
    const product = replaced.get(node)
    if (product === undefined) return [node]
    const [input = ''] = node.inputs
    const rounding = plan.form === 'blocks' || roundedInputs.has(input) ? [] : roundRows(input, opset)
    roundedInputs.add(input)
    return [...rounding, ...productNodes(product, plan)]
  })
  const read = new Set([...nodes.flatMap(({ inputs, captures }) => [...inputs, ...captures]), ...graph.outputs.map(({ name }) => name)])
  return {
    ...graph,
    opsets: new Map([['com.microsoft', 1], ...graph.opsets]),
    nodes,
    initializers: [
      ...graph.initializers.filter(({ name }) => read.has(name)),
      ...[...plan.weights].flatMap(([key, weight]) => tensorsOf(key, weight, plan.form)),
      ...(plan.form === 'rows' ? rowConstants(opset) : [])
    ]
  }
}

function productNodes(product: RoundableProduct, plan: PrecisionPlan): OnnxNode[] {
  const { node, inputSize, outputSize, bias } = product
  const [input = ''] = node.inputs
  const [output = ''] = node.outputs
  const weight = weightOf(plan, product)
  const key = [...plan.weights].find(([, each]) => each === weight)?.[0] ?? ''
  const plain = bias === null ? output : `${output}/plain`
  const added = bias === null ? [] : [buildNode('Add', [plain, bias], [output])]
  if (plan.form === 'blocks') {
    const attributes = { K: inputSize, N: outputSize, bits: 8, block_size: BLOCK_SIZE, accuracy_level: 4 }
    return [buildContributedNode('MatMulNBits', [input, valuesName(key), scalesName(key)], [plain], { attributes }), ...added]
  }
  const { quantized, scale } = rowNames(input)
  const unscaled = `${output}/unscaled`
  const factors = [quantized, valuesName(key), names.one, scalesName(key), names.middle, names.zero]
  return [buildContributedNode('MatMulIntegerToFloat', factors, [unscaled]), buildNode('Mul', [unscaled, scale], [plain]), ...added]
}

/** x (..., K) -> uint8 (..., K) = 128 + round(x / scale), scale (..., 1) = max |x| of the row / 127 */
function roundRows(input: string, opset: number): OnnxNode[] {
  const { quantized, scale, part } = rowNames(input)
  const reduce = (opType: 'ReduceMax' | 'ReduceMin', output: string): OnnxNode =>
    opset >= AXES_ARE_INPUTS
      ? buildNode(opType, [input, LAST_AXIS], [output], { attributes: { keepdims: 1 } })
      : buildNode(opType, [input], [output], { attributes: { axes: [-1], keepdims: 1 } })
  return [
    reduce('ReduceMax', part('highest')),
    reduce('ReduceMin', part('lowest')),
    buildNode('Neg', [part('lowest')], [part('depth')]),
    buildNode('Max', [part('highest'), part('depth'), names.least], [part('largest')]),
    buildNode('Mul', [part('largest'), names.share], [scale]),
    buildNode('Div', [input, scale], [part('scaled')]),
    buildNode('QuantizeLinear', [part('scaled'), names.one, names.middle], [quantized])
  ]
}

function rowNames(input: string): { readonly quantized: string; readonly scale: string; readonly part: (name: string) => string } {
  const part = (name: string): string => `logpr.int8/${input}/${name}`
  return { quantized: part('rounded'), scale: part('scale'), part }
}

function rowConstants(opset: number): Initializer[] {
  return [
    buildFloat(names.one, [], [1]),
    buildFloat(names.share, [], [1 / LARGEST_ACTIVATION]),
    // The least scale: a row of zeros must not be divided by zero.
    buildFloat(names.least, [], [1e-30]),
    buildTensor(names.middle, [], UINT8, Uint8Array.of(ZERO_POINT)),
    buildTensor(names.zero, [], INT8, Uint8Array.of(0)),
    ...(opset >= AXES_ARE_INPUTS ? [buildInt64(LAST_AXIS, [1], [-1])] : [])
  ]
}

function tensorsOf(key: string, weight: ReturnType<typeof weightOf>, form: PrecisionPlan['form']): Initializer[] {
  const { inputSize, outputSize, values, scales } = weight
  const blocks = Math.ceil(inputSize / BLOCK_SIZE)
  const [dims, dataType, scaleDims] =
    form === 'blocks' ? [[outputSize, blocks, BLOCK_SIZE], UINT8, [outputSize * blocks]] : [[inputSize, outputSize], INT8, [outputSize]]
  return [
    buildExternal(valuesName(key), dims, dataType, { location: ROUNDED_LOCATION, ...values }),
    buildExternal(scalesName(key), scaleDims, FLOAT, { location: ROUNDED_LOCATION, ...scales })
  ]
}

function valuesName(key: string): string {
  return `logpr.int8/${key}/values`
}

function scalesName(key: string): string {
  return `logpr.int8/${key}/scales`
}
