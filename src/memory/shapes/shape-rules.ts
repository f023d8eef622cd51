import { ELEMENTWISE_RULES } from './elementwise.ts'
import { MOVEMENT_RULES } from './movement.ts'
import { PRODUCT_RULES } from './products.ts'
import type { ShapeRule } from './rule.ts'

/** How each operator that language models are made of shapes its outputs; formulas of the ONNX operator pages and of onnxruntime's ContribOperators.md. */
export const SHAPE_RULES: ReadonlyMap<string, ShapeRule> = new Map(Object.entries({ ...ELEMENTWISE_RULES, ...MOVEMENT_RULES, ...PRODUCT_RULES }))
