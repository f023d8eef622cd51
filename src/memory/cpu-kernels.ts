import type { OnnxNode } from '../model/onnx/graph.ts'
import { broadcastDims, ELEMENTWISE_RULES } from './shapes/elementwise.ts'
import { MOVEMENT_RULES } from './shapes/movement.ts'
import { attributesOf, type ShapeRule } from './shapes/node-info.ts'
import { PRODUCT_RULES } from './shapes/products.ts'
import { activationBytes, type InferredTensor } from './shapes/tensor-info.ts'

type Inputs = readonly (InferredTensor | undefined)[]

/** Shape rules of the operators that language models use; from the ONNX operator pages and onnxruntime's ContribOperators.md. */
const SHAPE_RULES: ReadonlyMap<string, ShapeRule> = new Map(Object.entries({ ...ELEMENTWISE_RULES, ...MOVEMENT_RULES, ...PRODUCT_RULES }))
/** Operators whose output is another view of the first input, which no kernel copies. */
const VIEWS = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity'])
/** Operators that may write over an input that nobody reads again (MayInplace in onnxruntime's kernel definitions). */
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

/** The outputs of a node; null if their shapes cannot be inferred. */
export function inferOutputs(node: OnnxNode, inputs: Inputs): readonly InferredTensor[] | null {
  return SHAPE_RULES.get(node.opType)?.({ inputs, outputCount: node.outputs.length, attributes: attributesOf(node) }) ?? null
}

export function isView({ opType }: OnnxNode): boolean {
  return VIEWS.has(opType)
}

export function mayWriteInPlace({ opType }: OnnxNode): boolean {
  return IN_PLACE.has(opType)
}

/**
 * Buffers that a kernel has in the arena while it runs, beside its inputs and outputs, in bytes. Where selects from each
 * of its two values into a buffer as large as that value broadcast with the condition, and then merges them (where_op.cc).
 */
export function scratchBytes({ opType }: OnnxNode, [condition, ...values]: Inputs): readonly number[] {
  if (opType !== 'Where' || condition === undefined) return []
  return values.map((value) => {
    const dims = value === undefined ? null : broadcastDims([condition.dims, value.dims])
    return value === undefined || dims === null ? 0 : activationBytes({ ...value, dims })
  })
}
