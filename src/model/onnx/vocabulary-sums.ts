import { buildInt64, buildNode } from './build-node.ts'
import { DOUBLE, FLOAT } from './data-types.ts'
import type { Initializer, OnnxNode } from './graph.ts'

/** The axis of the vocabulary in (C, V), and of the columns in (C, 1). */
const VOCABULARY_AXIS = 1
/** From this operator set on, Unsqueeze and ReduceSum take their axes as an input instead of an attribute. */
const AXES_ARE_INPUTS = 13

type Reduction = 'Unsqueeze' | 'ReduceSum' | 'ReduceMax'
/** From which operator set on a reduction takes its axes as an input. */
const INPUT_AXES_FROM: Readonly<Record<Reduction, number>> = { Unsqueeze: AXES_ARE_INPUTS, ReduceSum: AXES_ARE_INPUTS, ReduceMax: 18 }

/** Nodes with the constants that they read. */
export interface Sums {
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly Initializer[]
}

/** An operator over one axis of its input. Reductions keep the dimension, unless `dropsAxis` is set. */
export function alongAxis(opset: number, opType: Reduction, input: string, output: string, { axis = VOCABULARY_AXIS, dropsAxis = false } = {}): Sums {
  const keepdims = opType === 'Unsqueeze' ? undefined : { keepdims: dropsAxis ? 0 : 1 }
  if (opset < INPUT_AXES_FROM[opType]) return { nodes: [buildNode(opType, [input], [output], { attributes: { axes: [axis], ...keepdims } })], initializers: [] }
  const axes = `${output}/axes`
  return {
    nodes: [buildNode(opType, [input, axes], [output], keepdims && { attributes: keepdims })],
    initializers: [buildInt64(axes, [1], [axis])]
  }
}

/** Up to this width a float32 sum is off by a few units in the last place. */
const PLAIN_WIDTH = 4096
const BEST_BLOCK = 1024

/**
 * (C, V) to (C, 1): sums a row in blocks, and then the sums of its blocks. A running float32 sum stops growing once it
 * is 2^24 times a term: over the 262,144 tokens of Gemma 3 it lost the tail, and log-probs came out 2.4e-5 nats too
 * high on average. A width that no block divides, or that the graph does not state (null), is summed in float64.
 */
export function sumOverVocabulary(opset: number, input: string, output: string, width: number | null): Sums {
  if (width !== null && width <= PLAIN_WIDTH) return alongAxis(opset, 'ReduceSum', input, output)
  const block = width === null ? null : blockOf(width)
  if (block === null) {
    const [wide, sum] = [`${output}/wide`, `${output}/wide_sum`]
    const reduced = alongAxis(opset, 'ReduceSum', wide, sum)
    return {
      nodes: [
        buildNode('Cast', [input], [wide], { attributes: { to: DOUBLE } }),
        ...reduced.nodes,
        buildNode('Cast', [sum], [output], { attributes: { to: FLOAT } })
      ],
      initializers: reduced.initializers
    }
  }
  const [blocks, blockSums, shape] = [`${output}/blocks`, `${output}/block_sums`, `${output}/shape`]
  const inner = alongAxis(opset, 'ReduceSum', blocks, blockSums, { axis: 2, dropsAxis: true })
  const outer = alongAxis(opset, 'ReduceSum', blockSums, output)
  return {
    // (C, V) -> (C, V / block, block) -> (C, V / block) -> (C, 1)
    nodes: [buildNode('Reshape', [input, shape], [blocks]), ...inner.nodes, ...outer.nodes],
    initializers: [buildInt64(shape, [3], [0, -1, block]), ...inner.initializers, ...outer.initializers]
  }
}

/** The divisor of V nearest to BEST_BLOCK that leaves neither long blocks nor many of them; null without one. */
export function blockOf(width: number): number | null {
  let best: number | null = null
  const distance = (block: number): number => Math.abs(Math.log(block / BEST_BLOCK))
  for (let block = 2; block <= PLAIN_WIDTH; block++)
    if (width % block === 0 && width / block <= PLAIN_WIDTH && (best === null || distance(block) < distance(best))) best = block
  return best
}
