import { attributeOf, integerOf } from '../../model/onnx/attributes.ts'
import { FLOAT, INT64 } from '../../model/onnx/data-types.ts'
import { broadcastDims } from './elementwise.ts'
import { axisOf, integerListOf, type Operation, type ShapeRule } from './shape-rule.ts'
import { elementCount, MAX_KNOWN_VALUES, tensorInfo, tensorInfoOf } from './tensor-info.ts'

const shape: ShapeRule = ({ inputs: [input], node }) => {
  if (input === undefined) return null
  const rank = input.dims.length
  const values = input.dims.slice(axisOf(integerOf(node, 'start', 0), rank), axisOf(integerOf(node, 'end', rank), rank))
  return [tensorInfo(INT64, [values.length], values)]
}

const constant: ShapeRule = ({ node }) => {
  const tensor = attributeOf(node, 'value')?.tensor ?? null
  if (tensor !== null) return [tensorInfoOf(tensor)]
  const list = integerListOf(node, 'value_ints')
  if (list !== null) return [tensorInfo(INT64, [list.length], list)]
  const value = integerOf(node, 'value_int', Number.NaN)
  return Number.isNaN(value) ? [tensorInfo(FLOAT, [])] : [tensorInfo(INT64, [], [value])]
}

const constantOfShape: ShapeRule = ({ inputs: [size], node }) => {
  if (size?.values == null) return null
  const tensor = attributeOf(node, 'value')?.tensor ?? null
  const fill = tensor === null ? tensorInfo(FLOAT, [1], [0]) : tensorInfoOf(tensor)
  const count = elementCount(size.values)
  const value = fill.values?.[0]
  return [tensorInfo(fill.elementType, size.values, value === undefined || count > MAX_KNOWN_VALUES ? null : Array.from({ length: count }, () => value))]
}

const gather: ShapeRule = ({ inputs: [data, indices], node }) => {
  if (data === undefined || indices === undefined) return null
  const axis = axisOf(integerOf(node, 'axis', 0), data.dims.length)
  const dims = [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)]
  const values = data.dims.length === 1 ? indices.values?.map((i) => data.values?.[axisOf(i, data.dims[0] ?? 0)]) : undefined
  return [tensorInfo(data.elementType, dims, values?.every((value) => value !== undefined) ? values : null)]
}

const concat: ShapeRule = ({ inputs, node }) => {
  const known = inputs.filter((input) => input !== undefined)
  const [first] = known
  if (first === undefined || known.length < inputs.length) return null
  const axis = axisOf(integerOf(node, 'axis', 0), first.dims.length)
  const size = known.reduce((sum, { dims }) => sum + (dims[axis] ?? 0), 0)
  const values = first.dims.length === 1 && known.every((input) => input.values !== null) ? known.flatMap((input) => input.values ?? []) : null
  return [
    tensorInfo(
      first.elementType,
      first.dims.map((dim, i) => (i === axis ? size : dim)),
      values
    )
  ]
}

/** From operator set 13 on axes are an input, before that an attribute. Undefined when left out, null when unknown. */
function axesOf({ inputs, node }: Operation): readonly number[] | null | undefined {
  const input = inputs[1]
  return input === undefined ? (integerListOf(node, 'axes') ?? undefined) : input.values
}

const unsqueeze: ShapeRule = (operation) => {
  const [input] = operation.inputs
  const axes = axesOf(operation)
  if (input === undefined || axes == null) return null
  const rank = input.dims.length + axes.length
  const added = new Set(axes.map((axis) => axisOf(axis, rank)))
  const rest = [...input.dims]
  return [
    tensorInfo(
      input.elementType,
      Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : (rest.shift() ?? 1))),
      input.values
    )
  ]
}

const squeeze: ShapeRule = (operation) => {
  const [input] = operation.inputs
  const axes = axesOf(operation)
  if (input === undefined || axes === null) return null
  const removed = new Set(axes?.map((axis) => axisOf(axis, input.dims.length)))
  return [
    tensorInfo(
      input.elementType,
      input.dims.filter((dim, i) => (axes === undefined ? dim !== 1 : !removed.has(i))),
      input.values
    )
  ]
}

const reshape: ShapeRule = ({ inputs: [input, target], node }) => {
  if (input === undefined || target?.values == null) return null
  const keepsZero = integerOf(node, 'allowzero', 0) === 1
  const dims = target.values.map((size, i) => (size === 0 && !keepsZero ? (input.dims[i] ?? 0) : size))
  const known = elementCount(dims.filter((size) => size !== -1))
  return [
    tensorInfo(
      input.elementType,
      dims.map((size) => (size === -1 ? (known === 0 ? 0 : elementCount(input.dims) / known) : size)),
      input.values
    )
  ]
}

const flatten: ShapeRule = ({ inputs: [input], node }) => {
  if (input === undefined) return null
  const axis = axisOf(integerOf(node, 'axis', 1), input.dims.length)
  return [tensorInfo(input.elementType, [elementCount(input.dims.slice(0, axis)), elementCount(input.dims.slice(axis))])]
}

const transpose: ShapeRule = ({ inputs: [input], node }) => {
  if (input === undefined) return null
  const order = integerListOf(node, 'perm') ?? input.dims.map((_, i) => input.dims.length - 1 - i)
  return [
    tensorInfo(
      input.elementType,
      order.map((from) => input.dims[from] ?? 1)
    )
  ]
}

const expand: ShapeRule = ({ inputs: [input, target] }) => {
  if (input === undefined || target?.values == null) return null
  const dims = broadcastDims([input.dims, target.values])
  return dims && [tensorInfo(input.elementType, dims, elementCount(dims) === elementCount(input.dims) ? input.values : null)]
}

const slice: ShapeRule = ({ inputs: [data, starts, ends, axes, steps], node }) => {
  const from = starts === undefined ? integerListOf(node, 'starts') : starts.values
  const to = ends === undefined ? integerListOf(node, 'ends') : ends.values
  if (data === undefined || from === null || to === null || axes?.values === null || steps?.values === null) return null
  const at = (axes?.values ?? integerListOf(node, 'axes') ?? from.map((_, i) => i)).map((axis) => axisOf(axis, data.dims.length))
  const dims = [...data.dims]
  let values = data.values
  at.forEach((axis, i) => {
    const size = data.dims[axis] ?? 0
    const step = steps?.values?.[i] ?? 1
    const bound = (index: number): number => Math.min(Math.max(axisOf(index, size), step < 0 ? -1 : 0), step < 0 ? size - 1 : size)
    const [first, last] = [bound(from[i] ?? 0), bound(to[i] ?? size)]
    const count = Math.max(0, Math.ceil((last - first) / step))
    dims[axis] = count
    values = data.dims.length === 1 && values !== null ? Array.from({ length: count }, (_, n) => data.values?.[first + n * step] ?? 0) : null
  })
  return [tensorInfo(data.elementType, dims, values)]
}

const split: ShapeRule = ({ inputs: [input, sizes], node }) => {
  if (input === undefined || sizes?.values === null) return null
  const axis = axisOf(integerOf(node, 'axis', 0), input.dims.length)
  const size = input.dims[axis] ?? 0
  const even = Math.ceil(size / node.outputs.length)
  const parts = sizes?.values ?? integerListOf(node, 'split') ?? Array.from({ length: node.outputs.length }, (_, i) => Math.min(even, size - i * even))
  return parts.map((part) =>
    tensorInfo(
      input.elementType,
      input.dims.map((dim, i) => (i === axis ? part : dim))
    )
  )
}

const range: ShapeRule = ({ inputs: [start, limit, delta] }) => {
  const [from, to, step] = [start?.values?.[0], limit?.values?.[0], delta?.values?.[0]]
  if (start === undefined || from === undefined || to === undefined || step === undefined) return null
  const count = Math.max(0, Math.ceil((to - from) / step))
  return [tensorInfo(start.elementType, [count], count > MAX_KNOWN_VALUES ? null : Array.from({ length: count }, (_, i) => from + i * step))]
}

const gatherElements: ShapeRule = ({ inputs: [data, indices] }) =>
  data === undefined || indices === undefined ? null : [tensorInfo(data.elementType, indices.dims)]

export const MOVEMENT_RULES: Readonly<Record<string, ShapeRule>> = {
  Shape: shape,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Gather: gather,
  GatherElements: gatherElements,
  Concat: concat,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Expand: expand,
  Slice: slice,
  Split: split,
  Range: range
}
