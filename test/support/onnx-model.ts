import { buildFloat, buildNode } from '../../src/model/onnx/build-node.ts'
import { FLOAT, INT64 } from '../../src/model/onnx/data-types.ts'
import type { Graph, OnnxNode, TensorInfo } from '../../src/model/onnx/graph.ts'

export function info(name: string, elementType: number = FLOAT, shape: TensorInfo['shape'] = null): TensorInfo {
  return { name, elementType, shape }
}

/** A graph of operator set 17 in which all other parts are empty. */
export function graphOf(parts: Partial<Graph>): Graph {
  return { irVersion: 8, opsets: new Map([['', 17]]), nodes: [], initializers: [], inputs: [], outputs: [], functions: [], ...parts }
}

/**
 * A graph as plain data for comparison: bytes as hex, without the `encoded` field, which only nodes read from a file
 * have.
 */
export function comparable(graph: Graph): unknown {
  return {
    ...graph,
    opsets: [...graph.opsets],
    nodes: graph.nodes.map(({ encoded: _, ...node }) => ({ ...node, attributes: node.attributes.map(hex) })),
    initializers: graph.initializers.map((entry) => ({ ...entry, value: entry.value instanceof Uint8Array ? hex(entry.value) : entry.value })),
    functions: graph.functions.map(hex)
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** A language model without attention: logits = tail(embedding[ids] x head). */
export interface TinyModel {
  readonly graph: Graph
  readonly V: number
  readonly H: number
  /** (V, H) row-major */
  readonly embedding: Float32Array
  /** (H, V) row-major */
  readonly head: Float32Array
}

/**
 * The weights are a fixed sequence in (-1, 1). `tail` computes the tensor `logits` from `product` and may add weights.
 */
export function tinyModel(V: number, H: number, tail: readonly OnnxNode[] = [], tailWeights: Graph['initializers'] = []): TinyModel {
  const next = fixedSequence()
  const embedding = Float32Array.from({ length: V * H }, next)
  const head = Float32Array.from({ length: H * V }, next)
  return { graph: embeddingModel(V, H, embedding, head, tail, tailWeights), V, H, embedding, head }
}

/** The same model with given weights: (embedding.length / H, H) and (H, V). */
export function embeddingModel(
  V: number,
  H: number,
  embedding: Float32Array,
  head: Float32Array,
  tail: readonly OnnxNode[] = [],
  tailWeights: Graph['initializers'] = []
): Graph {
  return graphOf({
    nodes: [
      buildNode('Gather', ['embedding', 'input_ids'], ['hidden'], { attributes: { axis: 0 } }),
      buildNode('MatMul', ['hidden', 'head'], [tail.length === 0 ? 'logits' : 'product']),
      ...tail
    ],
    initializers: [buildFloat('embedding', [embedding.length / H, H], [...embedding]), buildFloat('head', [H, V], [...head]), ...tailWeights],
    inputs: [info('input_ids', INT64, ['batch', 'sequence'])],
    outputs: [info('logits', FLOAT, ['batch', 'sequence', V])]
  })
}

/** Row of the product of embedding and head for one token, in float64: (V,). */
export function productOf({ V, H, embedding, head }: TinyModel, id: number): number[] {
  return Array.from({ length: V }, (_, v) => {
    let sum = 0
    for (let h = 0; h < H; h++) sum += embedding[id * H + h]! * head[h * V + v]!
    return sum
  })
}

function fixedSequence(): () => number {
  let state = 1
  return () => {
    state = (state * 48271) % 2147483647
    return (state / 2147483647) * 2 - 1
  }
}
