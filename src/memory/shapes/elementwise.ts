import { integerOf } from '../../model/onnx/attributes.ts'
import { BOOL, FLOAT, INT32, INT64 } from '../../model/onnx/data-types.ts'
import type { ShapeRule } from './shape-rule.ts'
import { elementCount, type InferredTensor, MAX_KNOWN_VALUES, tensorInfo } from './tensor-info.ts'

/** The shape of NumPy's broadcasting; null when the shapes do not match. */
export function broadcastDims(shapes: readonly (readonly number[])[]): readonly number[] | null {
  const rank = Math.max(0, ...shapes.map(({ length }) => length))
  const dims: number[] = []
  for (let i = 0; i < rank; i++) {
    const sizes = shapes.map((shape) => shape[i - rank + shape.length] ?? 1)
    const size = sizes.find((each) => each !== 1) ?? 1
    if (sizes.some((each) => each !== 1 && each !== size)) return null
    dims.push(size)
  }
  return dims
}

/**
 * The values of a broadcast operation; null when an input's values are unknown or the result is not part of a shape.
 */
function broadcastValues(inputs: readonly InferredTensor[], dims: readonly number[], compute: (values: readonly number[]) => number): readonly number[] | null {
  const count = elementCount(dims)
  if (count > MAX_KNOWN_VALUES || inputs.some(({ values }) => values === null)) return null
  return Array.from({ length: count }, (_, flat) => {
    let rest = flat
    const index = [...dims].reverse().map((size) => {
      const at = rest % size
      rest = Math.floor(rest / size)
      return at
    })
    return compute(
      inputs.map((input) => {
        let at = 0
        let stride = 1
        for (let i = 0; i < input.dims.length; i++) {
          const size = input.dims[input.dims.length - 1 - i] ?? 1
          at += (size === 1 ? 0 : (index[i] ?? 0)) * stride
          stride *= size
        }
        return input.values?.[at] ?? 0
      })
    )
  })
}

type Compute = (values: readonly number[]) => number

/** Element-wise operators from which graphs compute shapes. The result has the type of the first input. */
const COMPUTED: Readonly<Record<string, Compute>> = {
  Add: ([a = 0, b = 0]) => a + b,
  Sub: ([a = 0, b = 0]) => a - b,
  Mul: ([a = 0, b = 0]) => a * b,
  Div: ([a = 0, b = 1]) => a / b,
  Mod: ([a = 0, b = 1]) => a - b * Math.floor(a / b),
  Min: (values) => Math.min(...values),
  Max: (values) => Math.max(...values),
  Neg: ([a = 0]) => -a,
  Abs: ([a = 0]) => Math.abs(a),
  Floor: ([a = 0]) => Math.floor(a),
  Ceil: ([a = 0]) => Math.ceil(a),
  Sqrt: ([a = 0]) => Math.sqrt(a),
  Pow: ([a = 0, b = 1]) => a ** b,
  Identity: ([a = 0]) => a
}
/** The result is Boolean. */
const COMPARED: Readonly<Record<string, Compute>> = {
  Equal: ([a, b]) => Number(a === b),
  Greater: ([a = 0, b = 0]) => Number(a > b),
  GreaterOrEqual: ([a = 0, b = 0]) => Number(a >= b),
  Less: ([a = 0, b = 0]) => Number(a < b),
  LessOrEqual: ([a = 0, b = 0]) => Number(a <= b),
  And: ([a, b]) => Number(a === 1 && b === 1),
  Or: ([a, b]) => Number(a === 1 || b === 1),
  Not: ([a]) => Number(a === 0),
  IsNaN: () => 0
}
/** Element-wise operators from which no shape is computed. */
const SAME_SHAPE = ['Cos', 'Sin', 'Tanh', 'Sigmoid', 'Relu', 'Erf', 'Exp', 'Log', 'Gelu', 'FastGelu', 'QuickGelu', 'BiasGelu', 'Reciprocal', 'Softplus', 'Clip']
/** The output has shape and type of the first input. */
const SAME_AS_FIRST = ['Softmax', 'LogSoftmax', 'CumSum', 'ScatterND', 'ScatterElements', 'Trilu', 'Round', 'Sign']

/** The output's type is `outputType`, or that of the first input. */
function elementwise(compute: Compute | null, outputType?: number): ShapeRule {
  return ({ inputs }) => {
    const known = inputs.filter((input) => input !== undefined)
    const [first] = known
    const dims = broadcastDims(known.map(({ dims }) => dims))
    if (first === undefined || dims === null || known.length < inputs.length) return null
    const elementType = outputType ?? first.elementType
    const values = compute === null ? null : broadcastValues(known, dims, (each) => rounded(compute(each), elementType))
    return [tensorInfo(elementType, dims, values)]
  }
}

/** Integer operators and casts truncate. */
function rounded(value: number, elementType: number): number {
  return elementType === INT32 || elementType === INT64 ? Math.trunc(value) : value
}

const where: ShapeRule = ({ inputs: [condition, a, b] }) => {
  if (condition === undefined || a === undefined || b === undefined) return null
  const dims = broadcastDims([condition.dims, a.dims, b.dims])
  if (dims === null) return null
  const values = broadcastValues([condition, a, b], dims, ([c, x = 0, y = 0]) => (c === 1 ? x : y))
  return [tensorInfo(a.elementType, dims, values)]
}

const cast: ShapeRule = ({ inputs: [input], node }) => {
  const to = integerOf(node, 'to', FLOAT)
  return input === undefined ? null : [tensorInfo(to, input.dims, input.values?.map((value) => rounded(value, to)) ?? null)]
}

export const ELEMENTWISE_RULES: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(Object.entries(COMPUTED).map(([op, compute]) => [op, elementwise(compute)])),
  ...Object.fromEntries(Object.entries(COMPARED).map(([op, compute]) => [op, elementwise(compute, BOOL)])),
  ...Object.fromEntries(SAME_SHAPE.map((op) => [op, elementwise(null)])),
  ...Object.fromEntries(
    SAME_AS_FIRST.map((op): [string, ShapeRule] => [op, ({ inputs: [first] }) => (first === undefined ? null : [tensorInfo(first.elementType, first.dims)])])
  ),
  Where: where,
  Cast: cast
}
