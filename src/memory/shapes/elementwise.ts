import { BOOL } from '../../model/onnx/graph.ts'
import type { ShapeRule } from './node-info.ts'
import { elementCount, type InferredTensor, MAX_KNOWN_VALUES, tensorInfo } from './tensor-info.ts'

/** Numpy's broadcasting; null when the shapes do not fit. */
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

/** The values of a broadcast, element by element, when all are known and few. */
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
const whole = (value: number): number => Math.trunc(value)

/** Operators that work element by element, with what they compute where a shape may depend on it. */
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
const SAME_SHAPE = ['Cos', 'Sin', 'Tanh', 'Sigmoid', 'Relu', 'Erf', 'Exp', 'Log', 'Gelu', 'FastGelu', 'QuickGelu', 'BiasGelu', 'Reciprocal', 'Softplus', 'Clip']
const SAME_AS_FIRST = ['Softmax', 'LogSoftmax', 'CumSum', 'ScatterND', 'ScatterElements', 'Trilu', 'Round', 'Sign']

function elementwise(compute: Compute | null, elementTypeOf: (first: InferredTensor) => number): ShapeRule {
  return ({ inputs }) => {
    const known = inputs.filter((input) => input !== undefined)
    const [first] = known
    const dims = broadcastDims(known.map(({ dims }) => dims))
    if (first === undefined || dims === null || known.length < inputs.length) return null
    const isInteger = elementTypeOf(first) === 6 || elementTypeOf(first) === 7
    const values = compute === null ? null : broadcastValues(known, dims, (each) => (isInteger ? whole(compute(each)) : compute(each)))
    return [tensorInfo(elementTypeOf(first), dims, values)]
  }
}

const where: ShapeRule = ({ inputs: [condition, a, b] }) => {
  if (condition === undefined || a === undefined || b === undefined) return null
  const dims = broadcastDims([condition.dims, a.dims, b.dims])
  return (
    dims && [
      tensorInfo(
        a.elementType,
        dims,
        broadcastValues([condition, a, b], dims, ([c, x = 0, y = 0]) => (c === 1 ? x : y))
      )
    ]
  )
}

const cast: ShapeRule = ({ inputs: [input], attributes }) => {
  const to = attributes.integer('to', 1)
  return input === undefined ? null : [tensorInfo(to, input.dims, input.values?.map(to === 6 || to === 7 ? whole : Number) ?? null)]
}

export const ELEMENTWISE_RULES: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(Object.entries(COMPUTED).map(([op, compute]) => [op, elementwise(compute, ({ elementType }) => elementType)])),
  ...Object.fromEntries(Object.entries(COMPARED).map(([op, compute]) => [op, elementwise(compute, () => BOOL)])),
  ...Object.fromEntries(SAME_SHAPE.map((op) => [op, elementwise(null, ({ elementType }) => elementType)])),
  ...Object.fromEntries(
    SAME_AS_FIRST.map((op): [string, ShapeRule] => [op, ({ inputs: [first] }) => (first === undefined ? null : [tensorInfo(first.elementType, first.dims)])])
  ),
  Where: where,
  Cast: cast
}
