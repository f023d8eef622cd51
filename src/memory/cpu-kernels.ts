import type { OnnxNode } from '../model/onnx/graph.ts'
import { broadcastDims, ELEMENTWISE_RULES } from './shapes/elementwise.ts'
import { MOVEMENT_RULES } from './shapes/movement.ts'
import { PRODUCT_RULES } from './shapes/products.ts'
import type { ShapeRule } from './shapes/shape-rule.ts'
import { activationBytes, type InferredTensor } from './shapes/tensor-info.ts'

type Inputs = readonly (InferredTensor | undefined)[]

/** By operator type. Sources: the operator pages of ONNX and onnxruntime's ContribOperators.md. */
const SHAPE_RULES: ReadonlyMap<string, ShapeRule> = new Map(Object.entries({ ...ELEMENTWISE_RULES, ...MOVEMENT_RULES, ...PRODUCT_RULES }))
/** Operators whose output is a view of the first input; nothing is copied. */
const VIEWS = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity'])
/** Operators that may overwrite an input after its last read (MayInplace in onnxruntime's kernel definitions). */
const IN_PLACE = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Neg',
  'Abs',
  'Sqrt',
  'Tanh',
  'Sigmoid',
  'Relu',
  'Erf',
  'Cast',
  'Reciprocal',
  'Not',
  'Clip',
  'Trilu',
  'ScatterND'
])

/** The outputs of a node; null when their shapes cannot be inferred. */
export function inferOutputs(node: OnnxNode, inputs: Inputs): readonly InferredTensor[] | null {
  return SHAPE_RULES.get(node.opType)?.({ node, inputs }) ?? null
}

export function isView({ opType }: OnnxNode): boolean {
  return VIEWS.has(opType)
}

export function mayWriteInPlace({ opType }: OnnxNode): boolean {
  return IN_PLACE.has(opType)
}

/**
 * Bytes of each temporary buffer that a kernel allocates from the arena while it runs. Where first selects from each of
 * its two values into a buffer with the shape of that value broadcast with the condition, then merges the two
 * (where_op.cc).
 */
export function scratchBytes({ opType }: OnnxNode, [condition, ...values]: Inputs): readonly number[] {
  if (opType !== 'Where' || condition === undefined) return []
  return values.map((value) => {
    const dims = value === undefined ? null : broadcastDims([condition.dims, value.dims])
    return value === undefined || dims === null ? 0 : activationBytes({ ...value, dims })
  })
}
