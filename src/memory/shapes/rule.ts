import type { Attributes } from './attributes.ts'
import type { TensorFacts } from './tensor-facts.ts'

/** A node as a shape rule sees it; an input that is left out, or of which nothing is known, is undefined. */
export interface NodeFacts {
  readonly inputs: readonly (TensorFacts | undefined)[]
  readonly outputCount: number
  readonly attributes: Attributes
}

/** Shapes of a node's outputs; null when they cannot be told. */
export type ShapeRule = (node: NodeFacts) => readonly TensorFacts[] | null

/** An axis counted from the front. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}
