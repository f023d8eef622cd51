import { buildFloat, buildInt64, buildNode } from './build-node.ts'
import { FLOAT, INT64 } from './data-types.ts'
import type { Graph, OnnxNode, TensorInfo } from './graph.ts'
import { alongAxis, type Sums, sumOverVocabulary } from './vocabulary-sums.ts'
import { writeGraph } from './write.ts'

/** A subgraph. */
export type Body = Pick<Graph, 'nodes' | 'initializers' | 'inputs' | 'outputs'>

/** Inputs of the scoring graph for the reductions that a detailed pass computes only when asked. */
export const MEASURE_INPUTS = {
  wantsVariance: 'logpr.wants_variance',
  wantsWordStarts: 'logpr.wants_word_starts',
  wordStarts: 'logpr.word_starts'
} as const

/** Outputs of a detailed pass, in order. */
export const DETAILS = ['higher_count', 'entropy', 'prob_squares', 'variance', 'word_starts', 'top_log_probs', 'top_ids'] as const

/** What a detailed pass computes for a chunk. Reads `chunk.logits`, `.shifted`, `.log_sum` and `.target_logit`. */
export function detailBranch(opset: number, width: number | null, topCount: string): Body {
  const higher = alongAxis(opset, 'ReduceSum', 'detail.higher_float', 'detail.higher_count')
  const entropy = sumOverVocabulary(opset, 'detail.terms', 'detail.negative_entropy', width)
  const squares = sumOverVocabulary(opset, 'detail.squares', 'detail.prob_squares', width)
  const nodes = [
    buildNode('Sub', ['chunk.shifted', 'chunk.log_sum'], ['detail.log_probs']),
    buildNode('Greater', ['chunk.logits', 'chunk.target_logit'], ['detail.higher']),
    buildNode('Cast', ['detail.higher'], ['detail.higher_float'], { attributes: { to: FLOAT } }),
    ...higher.nodes,
    buildNode('Exp', ['detail.log_probs'], ['detail.probs']),
    buildNode('Mul', ['detail.probs', 'detail.log_probs'], ['detail.terms']),
    ...entropy.nodes,
    buildNode('Neg', ['detail.negative_entropy'], ['detail.entropy']),
    buildNode('Mul', ['detail.probs', 'detail.probs'], ['detail.squares']),
    ...squares.nodes,
    ifWanted('variance', MEASURE_INPUTS.wantsVariance, ['detail.log_probs', 'detail.entropy', 'detail.probs'], variance(opset, width)),
    ifWanted('word_starts', MEASURE_INPUTS.wantsWordStarts, ['detail.probs', MEASURE_INPUTS.wordStarts], wordStarts(opset, width)),
    buildNode('TopK', ['detail.log_probs', topCount], ['detail.top_log_probs', 'detail.top_ids'], { attributes: { axis: -1, largest: 1, sorted: 1 } })
  ]
  const initializers = [...higher.initializers, ...entropy.initializers, ...squares.initializers]
  return { nodes, initializers, inputs: [], outputs: outputsNamed(DETAILS.map((name) => `detail.${name}`)) }
}

function ifWanted(output: string, condition: string, captures: readonly string[], { nodes, initializers }: Sums): OnnxNode {
  const body = { nodes, initializers, inputs: [], outputs: outputsNamed([`measure.${output}`]) }
  return buildNode('If', [condition], [`detail.${output}`], {
    attributes: {
      then_branch: writeGraph(`logpr.${output}`, body),
      else_branch: writeGraph(`logpr.no_${output}`, placeholders(`no_${output}`, [output]))
    },
    captures
  })
}

/**
 * Var[log p], from the differences to the mean: E[(log p)²] - E[log p]² would lose digits in float32 where the mean is
 * large and the spread is small.
 */
function variance(opset: number, width: number | null): Sums {
  const sum = sumOverVocabulary(opset, 'measure.squares', 'measure.variance', width)
  return {
    nodes: [
      // The mean of log p is -entropy.
      buildNode('Add', ['detail.log_probs', 'detail.entropy'], ['measure.centered']),
      buildNode('Mul', ['detail.probs', 'measure.centered'], ['measure.weighted']),
      buildNode('Mul', ['measure.weighted', 'measure.centered'], ['measure.squares']),
      ...sum.nodes
    ],
    initializers: sum.initializers
  }
}

function wordStarts(opset: number, width: number | null): Sums {
  const sum = sumOverVocabulary(opset, 'measure.masked', 'measure.word_starts', width)
  return { nodes: [buildNode('Mul', ['detail.probs', MEASURE_INPUTS.wordStarts], ['measure.masked']), ...sum.nodes], initializers: sum.initializers }
}

/** Outputs of shape (1, 1): the branches of an If must agree in type, not in shape. */
export function placeholders(prefix: string, outputs: readonly string[]): Body {
  const names = outputs.map((output) => `${prefix}.${output}`)
  const initializers = names.map((name) => (isInteger(name) ? buildInt64(`${name}.value`, [1, 1], [0]) : buildFloat(`${name}.value`, [1, 1], [0])))
  // A branch may not return an initializer directly: every output needs a node.
  const nodes = names.map((name) => buildNode('Identity', [`${name}.value`], [name]))
  return { nodes, initializers, inputs: [], outputs: outputsNamed(names) }
}

export function outputsNamed(names: readonly string[]): TensorInfo[] {
  return names.map((name) => ({ name, elementType: isInteger(name) ? INT64 : FLOAT, shape: null }))
}

function isInteger(name: string): boolean {
  return /(best_id|top_ids)$/.test(name)
}
