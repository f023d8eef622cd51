import { attributeOf } from '../../model/onnx/attributes.ts'
import type { OnnxNode } from '../../model/onnx/graph.ts'
import type { InferredTensor } from './tensor-info.ts'

/** Infers the shapes of a node's outputs; null if they cannot be inferred. */
export type ShapeRule = (operation: Operation) => readonly InferredTensor[] | null

/** A node with the tensors that it reads. An input that is left out, or whose shape is unknown, is undefined. */
export interface Operation {
  readonly node: OnnxNode
  readonly inputs: readonly (InferredTensor | undefined)[]
}

/** A list of integers in an attribute; null when the node leaves it out or the list is empty. */
export function integerListOf(node: OnnxNode, name: string): readonly number[] | null {
  const integers = attributeOf(node, name)?.integers ?? []
  return integers.length === 0 ? null : integers
}

/** The index of an axis, which ONNX may count from the end with negative numbers. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}
