import { ServiceError } from '../../errors.ts'
import { ATTENTION_BIAS } from './attention-bias.ts'
import { buildFloat, buildInt64, buildNode } from './build-node.ts'
import { BOOL, FLOAT, INT64 } from './data-types.ts'
import { findHead, type Head, vocabularyWidth } from './find-head.ts'
import type { Graph, OnnxNode, TensorInfo } from './graph.ts'
import { withoutWindowedCaches } from './past-key-values.ts'
import { removeDead } from './remove-dead.ts'
import { splitQuantizedProducts } from './split-quantized-product.ts'
import { alongAxis, sumOverVocabulary } from './vocabulary-sums.ts'
import { writeGraph } from './write.ts'

/**
 * Inputs that the scoring graph adds to the model's own, for N chunks of C rows each.
 *
 *     rows     (N, C) int64   rows of the flattened hidden states (B·S, H) to score
 *     targets  (N, C) int64   the token to score at each row
 *     detailed ()     bool    whether to compute rank, entropy and the top k as well
 *     topCount (1,)   int64   k, from 1 to V
 *     probed   (P,)   int64   rows of every chunk, 0 to C - 1, whose logits to return; P may be 0
 */
export const SCORING_INPUTS = {
  rows: 'logpr.rows',
  targets: 'logpr.targets',
  detailed: 'logpr.detailed',
  topCount: 'logpr.top_count',
  probed: 'logpr.probed'
} as const

/**
 * Outputs of the scoring graph, one entry per row. Without `detailed`, its five outputs have one dummy entry per chunk.
 *
 *     logProb     (N, C, 1) float   log-probability of the target, nats
 *     logSumExp   (N, C, 1) float   of the row's logits
 *     bestId      (N, C, 1) int64   the most probable token; of equal ones the lowest id
 *     bestLogProb (N, C, 1) float
 *     higherCount (N, C, 1) float   tokens with a larger logit than the target: rank - 1
 *     entropy     (N, C, 1) float   nats
 *     probSquares (N, C, 1) float   sum of p² over the vocabulary
 *     topLogProbs (N, C, k) float   descending; topIds (N, C, k) int64
 *     probeLogits (N, P, V) float   and probeLogProbs (N, P, V) float, for a second implementation; P is small
 */
export const SCORING_OUTPUTS = {
  logProb: 'logpr.log_prob',
  logSumExp: 'logpr.log_sum_exp',
  bestId: 'logpr.best_id',
  bestLogProb: 'logpr.best_log_prob',
  higherCount: 'logpr.higher_count',
  entropy: 'logpr.entropy',
  probSquares: 'logpr.prob_squares',
  topLogProbs: 'logpr.top_log_probs',
  topIds: 'logpr.top_ids',
  probeLogits: 'logpr.probe_logits',
  probeLogProbs: 'logpr.probe_log_probs'
} as const

const { rows, targets, detailed, topCount, probed } = SCORING_INPUTS
const HIDDEN_ROWS = 'logpr.hidden_rows'
/** The first operator set with negative axes, GatherElements and sorted TopK. */
const LOWEST_OPSET = 11

/**
 * Rewrites a causal language model so that it computes logits only for the requested rows, and returns scores instead
 * of logits:
 *
 *     hidden (B, S, H) -> Flatten -> (B·S, H)
 *       -> Scan over chunks [ Gather C rows -> head -> log-softmax -> scores per row ]
 *
 * The logits of one chunk, (C, V), exist at a time, so the head's memory does not grow with rows x vocabulary. Weights
 * are not copied: they stay in their file. A head that quantizes its hidden states does so before the rows are
 * gathered, with the scale of all of them, as in the original model. Throws `model_unsupported` with the reason.
 */
export function scoringGraph(model: Graph, { keepPresents = [] }: ScoringGraphOptions = {}): Graph {
  const opset = assertOperatorSet(model)
  const graph = splitQuantizedProducts(withoutWindowedCaches(model))
  const head = findHead(graph)

  const scan = buildNode('Scan', [rows, targets], Object.values(SCORING_OUTPUTS), {
    attributes: { body: writeGraph('logpr.chunk', chunkBody(head, opset, vocabularyWidth(graph, head))), num_scan_inputs: 2 },
    captures: [HIDDEN_ROWS, detailed, topCount, probed, ...capturesOf(head)]
  })
  return removeDead({
    ...graph,
    nodes: [...graph.nodes, buildNode('Flatten', [head.hidden], [HIDDEN_ROWS], { attributes: { axis: -1 } }), scan],
    inputs: [
      ...graph.inputs,
      { name: rows, elementType: INT64, shape: ['chunks', 'rows'] },
      { name: targets, elementType: INT64, shape: ['chunks', 'rows'] },
      { name: detailed, elementType: BOOL, shape: [] },
      { name: topCount, elementType: INT64, shape: [1] },
      { name: probed, elementType: INT64, shape: ['probed'] }
    ],
    outputs: [...outputsNamed(Object.values(SCORING_OUTPUTS)), ...graph.outputs.filter(({ name }) => keepPresents.includes(name))]
  })
}

interface ScoringGraphOptions {
  /** Outputs of the model to append to those of the scoring graph: the caches of `cachePairs`. */
  readonly keepPresents?: readonly string[]
}

/** The operator set of a graph. Throws `model_unsupported` when it is too old to be rewritten. */
export function assertOperatorSet({ opsets }: Graph): number {
  const opset = opsets.get('') ?? 0
  if (opset >= LOWEST_OPSET) return opset
  throw new ServiceError(
    'model_unsupported',
    `the graph uses ONNX operator set ${opset}; ${LOWEST_OPSET} or newer is needed: export it with a newer operator set`
  )
}

/** The inputs of a scoring graph that come from the model. */
export function ownInputs({ inputs }: Graph): TensorInfo[] {
  const added = new Set<string>([...Object.values(SCORING_INPUTS), ATTENTION_BIAS])
  return inputs.filter(({ name }) => !added.has(name))
}

type Body = Pick<Graph, 'nodes' | 'initializers' | 'inputs' | 'outputs'>

/** The Scan body: takes the row indices and targets of one chunk, (C,) each. */
function chunkBody(head: Head, opset: number, width: number | null): Body {
  const logits = 'chunk.logits'
  const results = ['chunk.log_prob', 'chunk.log_sum_exp', 'chunk.best_id', 'chunk.best_log_prob']
  const details = ['chunk.higher_count', 'chunk.entropy', 'chunk.prob_squares', 'chunk.top_log_probs', 'chunk.top_ids']
  const probes = ['chunk.probe_logits', 'chunk.probe_log_probs']
  const detailInputs = [logits, 'chunk.shifted', 'chunk.log_sum', 'chunk.target_logit', topCount]
  const largest = alongAxis(opset, 'ReduceMax', logits, 'chunk.largest')
  const sum = sumOverVocabulary(opset, 'chunk.exponentials', 'chunk.sum', width)
  const targetColumn = alongAxis(opset, 'Unsqueeze', 'chunk.targets', 'chunk.target_column') // (C, 1)

  const nodes: OnnxNode[] = [
    buildNode('Gather', [HIDDEN_ROWS, 'chunk.rows'], ['chunk.hidden'], { attributes: { axis: 0 } }), // (C, H)
    ...renamedHead(head, 'chunk.hidden', 'chunk.model_logits'), // (C, V), or (1, C, V) if a bias or a scale has three dimensions
    buildNode('Flatten', ['chunk.model_logits'], ['chunk.flat_logits'], { attributes: { axis: -1 } }),
    buildNode('Cast', ['chunk.flat_logits'], [logits], { attributes: { to: FLOAT } }), // (C, V)
    // onnxruntime's LogSoftmax adds V terms one after the other in float32; see `sumOverVocabulary`.
    ...largest.nodes, // (C, 1)
    buildNode('Sub', [logits, 'chunk.largest'], ['chunk.shifted']), // (C, V)
    buildNode('Exp', ['chunk.shifted'], ['chunk.exponentials']),
    ...sum.nodes,
    buildNode('Log', ['chunk.sum'], ['chunk.log_sum']), // (C, 1)
    buildNode('Add', ['chunk.largest', 'chunk.log_sum'], ['chunk.log_sum_exp']),
    ...targetColumn.nodes,
    ...gatherColumn(logits, 'chunk.target_column', 'chunk.target_logit'),
    ...logProbColumn('chunk.target_column', 'chunk.target_shifted', 'chunk.log_prob'),
    buildNode('ArgMax', [logits], ['chunk.best_id'], { attributes: { axis: -1, keepdims: 1 } }),
    ...logProbColumn('chunk.best_id', 'chunk.best_shifted', 'chunk.best_log_prob'),
    ...gatherRows(logits, 'chunk.probe_logits'), // (P, V)
    ...gatherRows('chunk.shifted', 'chunk.probe_shifted'),
    ...gatherRows('chunk.log_sum', 'chunk.probe_log_sum'), // (P, 1)
    buildNode('Sub', ['chunk.probe_shifted', 'chunk.probe_log_sum'], ['chunk.probe_log_probs']),
    buildNode('If', [detailed], details, {
      attributes: { then_branch: writeGraph('logpr.detail', detailBranch(opset, width)), else_branch: writeGraph('logpr.no_detail', emptyBranch()) },
      captures: detailInputs
    })
  ]
  return {
    nodes,
    initializers: [...largest.initializers, ...sum.initializers, ...targetColumn.initializers],
    inputs: [
      { name: 'chunk.rows', elementType: INT64, shape: ['rows'] },
      { name: 'chunk.targets', elementType: INT64, shape: ['rows'] }
    ],
    outputs: outputsNamed([...results, ...details, ...probes])
  }
}

function detailBranch(opset: number, width: number | null): Body {
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
    buildNode('TopK', ['detail.log_probs', topCount], ['detail.top_log_probs', 'detail.top_ids'], { attributes: { axis: -1, largest: 1, sorted: 1 } })
  ]
  const outputs = ['detail.higher_count', 'detail.entropy', 'detail.prob_squares', 'detail.top_log_probs', 'detail.top_ids']
  const initializers = [...higher.initializers, ...entropy.initializers, ...squares.initializers]
  return { nodes, initializers, inputs: [], outputs: outputsNamed(outputs) }
}

/** Placeholders of shape (1, 1): the branches of an If must agree in type, not in shape. */
function emptyBranch(): Body {
  const floats = ['none.higher_count', 'none.entropy', 'none.prob_squares', 'none.top_log_probs']
  const initializers = [...floats.map((name) => buildFloat(`${name}.value`, [1, 1], [0])), buildInt64('none.top_ids.value', [1, 1], [0])]
  const names = [...floats, 'none.top_ids']
  // A branch may not return an initializer directly: every output needs a node.
  const nodes = names.map((name) => buildNode('Identity', [`${name}.value`], [name]))
  return { nodes, initializers, inputs: [], outputs: outputsNamed(names) }
}

/** The log-probabilities in the columns of `columns`, (C, 1); `shifted` names what they have in `chunk.shifted`. */
function logProbColumn(columns: string, shifted: string, output: string): OnnxNode[] {
  return [...gatherColumn('chunk.shifted', columns, shifted), buildNode('Sub', [shifted, 'chunk.log_sum'], [output])]
}

/** The probed rows of a matrix. */
function gatherRows(matrix: string, output: string): OnnxNode[] {
  return [buildNode('Gather', [matrix, probed], [output], { attributes: { axis: 0 } })]
}

function gatherColumn(matrix: string, columns: string, output: string): OnnxNode[] {
  return [buildNode('GatherElements', [matrix, columns], [output], { attributes: { axis: 1 } })]
}

/** The head's nodes with hidden input and last output renamed, and with inner names that differ from the graph's. */
function renamedHead(head: Head, hidden: string, logits: string): OnnxNode[] {
  const renamed = new Map([[head.hidden, hidden]])
  for (const node of head.nodes) for (const output of node.outputs) renamed.set(output, `chunk.head/${output}`)
  renamed.set(head.output, logits)
  const rename = (name: string): string => renamed.get(name) ?? name
  return head.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename), encoded: null }))
}

/** Tensors of the outer graph that the head reads: the vocabulary matrix, a bias, scales. */
function capturesOf(head: Head): string[] {
  const inner = new Set([head.hidden, ...head.nodes.flatMap(({ outputs }) => outputs)])
  return head.nodes.flatMap(({ inputs }) => inputs).filter((name) => name !== '' && !inner.has(name))
}

function outputsNamed(names: readonly string[]): TensorInfo[] {
  const integers = /(best_id|top_ids)$/
  return names.map((name) => ({ name, elementType: integers.test(name) ? INT64 : FLOAT, shape: null }))
}
