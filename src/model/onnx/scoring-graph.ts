import { ServiceError } from '../../errors.ts'
import { ATTENTION_BIAS } from './attention-bias.ts'
import { buildNode } from './build-node.ts'
import { BOOL, FLOAT, INT64 } from './data-types.ts'
import { type Body, DETAILS, detailBranch, MEASURE_INPUTS, outputsNamed, placeholders } from './detail-branch.ts'
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
 *     wantsVariance   () bool   whether a detailed pass computes the variance as well
 *     wantsWordStarts () bool   whether a detailed pass computes the probability of a word start as well
 *     wordStarts      (V,) float   1 for the tokens that begin a word or end the text, else 0; (1,) where not wanted
 */
export const SCORING_INPUTS = {
  rows: 'logpr.rows',
  targets: 'logpr.targets',
  detailed: 'logpr.detailed',
  topCount: 'logpr.top_count',
  probed: 'logpr.probed',
  ...MEASURE_INPUTS
} as const

/**
 * Outputs of the scoring graph, one entry per row. An output that was not asked for has one dummy entry per chunk.
 *
 *     logProb     (N, C, 1) float   log-probability of the target, nats
 *     logSumExp   (N, C, 1) float   of the row's logits
 *     bestId      (N, C, 1) int64   the most probable token; of equal ones the lowest id
 *     bestLogProb (N, C, 1) float
 *     higherCount (N, C, 1) float   tokens with a larger logit than the target: rank - 1
 *     entropy     (N, C, 1) float   nats
 *     probSquares (N, C, 1) float   sum of p² over the vocabulary
 *     variance    (N, C, 1) float   sum of p (log p + entropy)² over the vocabulary, nats²
 *     wordStarts  (N, C, 1) float   sum of p over the tokens of the input wordStarts
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
  variance: 'logpr.variance',
  wordStarts: 'logpr.word_start_prob',
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
    captures: [HIDDEN_ROWS, detailed, topCount, probed, ...Object.values(MEASURE_INPUTS), ...capturesOf(head)]
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
      { name: probed, elementType: INT64, shape: ['probed'] },
      { name: MEASURE_INPUTS.wantsVariance, elementType: BOOL, shape: [] },
      { name: MEASURE_INPUTS.wantsWordStarts, elementType: BOOL, shape: [] },
      { name: MEASURE_INPUTS.wordStarts, elementType: FLOAT, shape: ['vocabulary'] }
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

/** The Scan body: takes the row indices and targets of one chunk, (C,) each. */
function chunkBody(head: Head, opset: number, width: number | null): Body {
  const logits = 'chunk.logits'
  const results = ['chunk.log_prob', 'chunk.log_sum_exp', 'chunk.best_id', 'chunk.best_log_prob']
  const details = DETAILS.map((name) => `chunk.${name}`)
  const probes = ['chunk.probe_logits', 'chunk.probe_log_probs']
  const detailInputs = [logits, 'chunk.shifted', 'chunk.log_sum', 'chunk.target_logit', topCount, ...Object.values(MEASURE_INPUTS)]
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
      attributes: {
        then_branch: writeGraph('logpr.detail', detailBranch(opset, width, topCount)),
        else_branch: writeGraph('logpr.no_detail', placeholders('none', DETAILS))
      },
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
