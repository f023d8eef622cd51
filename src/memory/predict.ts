import { ATTENTION_BIAS } from '../model/onnx/attention-bias.ts'
import type { Graph, TensorInfo } from '../model/onnx/graph.ts'
import { headChunks, headRowLimits } from '../model/onnx/head-rows.ts'
import { SCORING_INPUTS } from '../model/onnx/scoring-graph.ts'
import { FRONT_BYTES } from './front.ts'
import { heldWeights } from './held-weights.ts'
import { elementCount, type InferredTensor, initializerTensors, tensorInfo } from './shapes/tensor-info.ts'
import { type SimulatedMemory, simulateMemory } from './simulate-memory.ts'

const MIB = 1 << 20
/** An engine process without a model: Node.js, two threads and the graph. */
const ENGINE_BYTES = 35 * MIB
/** What a pass needs besides activations: ids, rows and results in JavaScript, and buffers of the matrix kernels. */
const PASS_BYTES = 27 * MIB
/**
 * Fragmentation of the runtime's arena, as a share of the largest buffer. The arena returns no memory and a buffer is
 * contiguous, so freed memory cannot always be reused. Measured 0 to 1.2, 0.6 on average
 * (docs/decisions/0010-memory.md).
 */
const FRAGMENTATION = 0.6
/** Number of top tokens in a simulated pass. */
const TOP_COUNT = 256

/** A padded batch: B sequences of S tokens. */
export interface BatchShape {
  readonly sequences: number
  readonly tokens: number
}

export interface ShapeLimits {
  /** Largest number of tokens of a sequence. The last one is scored but not fed to the model. */
  readonly maxModelLen: number
  readonly maxBatchTokens: number
  readonly longTextTokens: number
}

/** Memory of a service with one model, in bytes. */
export interface MemoryPrediction {
  /** Number of engine processes. */
  readonly replicas: number
  readonly frontBytes: number
  /** The front process with its tokenizer, and the engines without a model. */
  readonly baseBytes: number
  /** Weights in the engines' own memory. */
  readonly weightBytes: number
  /** Weights mapped from their files. The kernel can drop these pages, and processes share them. */
  readonly mappedBytes: number
  /** Needed in addition while one engine loads. */
  readonly loadingBytes: number
  /** Full prefix caches of all engines, which are not in `totalBytes`: they can be smaller than configured. */
  readonly prefixCacheBytes: number
  /** The largest pass within the token budget. */
  readonly budget: PassPrediction
  /** The largest pass that a request can cause: two texts of the model's maximum length. */
  readonly longest: PassPrediction
  /** Base, weights, and in every engine the larger of `loadingBytes` and the bytes of the `budget` pass. */
  readonly totalBytes: number
  /** Operator types whose memory is unknown; if there are any, the prediction is too low. */
  readonly unknownOperators: readonly string[]
}

export interface PassPrediction {
  readonly bytes: number
  readonly shape: BatchShape
  /** Type and name of the node at the peak. */
  readonly at: string
}

export interface MemoryQuestion extends ShapeLimits {
  /** Number of engine processes, by default 1. */
  readonly replicas?: number
  /** Whether the engines map one file of prepacked weights instead of holding their own. */
  readonly sharesWeights?: boolean
  /** Of the front process, by default `FRONT_BYTES`. */
  readonly frontBytes?: number
  /** Size of the prefix cache of an engine, 0 without one. */
  readonly prefixCacheBytes?: number
  readonly scoring: Graph
  readonly vocabSize: number
  /** For graphs in which the head size is symbolic. */
  readonly headSize: number
}

/**
 * The largest batches that the planner makes within its token budget (src/scheduling/batch-planner.ts): as many texts
 * as fit of the greatest length that is still batched, and one text that uses the whole budget. Attention grows with
 * S², so one of the two needs the most memory.
 */
export function budgetShapes({ maxModelLen, maxBatchTokens, longTextTokens }: ShapeLimits): readonly BatchShape[] {
  const longest = Math.max(1, maxModelLen - 1)
  const batched = Math.min(longTextTokens, longest, maxBatchTokens)
  return [
    { sequences: Math.max(1, Math.floor(maxBatchTokens / batched)), tokens: batched },
    { sequences: 1, tokens: Math.min(longest, maxBatchTokens) }
  ]
}

/**
 * The largest batch that a request can cause: a text of the model's maximum length runs whatever the budget is, and a
 * deep verification puts a second text of the same length beside it.
 */
export function longestShape({ maxModelLen }: Pick<ShapeLimits, 'maxModelLen'>): BatchShape {
  return { sequences: 2, tokens: Math.max(1, maxModelLen - 1) }
}

/** Predicts the memory of a service on the CPU from the graph alone, without reading weights. */
export function predictMemory(question: MemoryQuestion): MemoryPrediction {
  const weights = initializerTensors(question.scoring.initializers)
  const passes = budgetShapes(question).map((shape) => passOf(question, weights, shape))
  const longest = passOf(question, weights, longestShape(question))
  const budget = passes.reduce((most, each) => (each.pass.bytes > most.pass.bytes ? each : most))
  const { heldBytes, mappedBytes, largestHeldBytes } = heldWeights(question.scoring)
  const { foldedBytes, largestFoldedBytes, unknown } = budget.simulated
  const { replicas = 1, sharesWeights = false, frontBytes = FRONT_BYTES, prefixCacheBytes = 0 } = question
  const baseBytes = frontBytes + replicas * ENGINE_BYTES
  const weightBytesPerEngine = heldBytes + foldedBytes
  const weightBytes = sharesWeights ? 0 : replicas * weightBytesPerEngine
  // While it is repacked, a folded tensor exists twice. The source of any other weight is mapped and its pages can be
  // dropped.
  const loadingBytes = sharesWeights ? 0 : largestFoldedBytes
  return {
    frontBytes,
    baseBytes,
    weightBytes,
    replicas,
    mappedBytes: Math.max(mappedBytes, largestHeldBytes) + (sharesWeights ? weightBytesPerEngine : 0),
    loadingBytes,
    prefixCacheBytes: replicas * prefixCacheBytes,
    budget: budget.pass,
    longest: longest.pass,
    totalBytes: baseBytes + weightBytes + replicas * Math.max(loadingBytes, budget.pass.bytes),
    unknownOperators: unknown
  }
}

/** Memory that an engine with a loaded model needs in addition for a pass of one shape. */
export function predictPass(question: MemoryQuestion, shape: BatchShape): PassPrediction {
  return passOf(question, initializerTensors(question.scoring.initializers), shape).pass
}

function passOf(
  question: MemoryQuestion,
  weights: ReadonlyMap<string, InferredTensor>,
  shape: BatchShape
): { pass: PassPrediction; simulated: SimulatedMemory } {
  const inputs = new Map(question.scoring.inputs.map((input) => [input.name, inputTensor(input, question, shape)]))
  const simulated = simulateMemory(question.scoring, { inputs, weights })
  return { simulated, pass: { bytes: Math.ceil(simulated.peakBytes + FRAGMENTATION * simulated.largestBytes) + PASS_BYTES, shape, at: simulated.peakAt } }
}

/** An input of a pass that scores every row, with empty caches. */
function inputTensor(
  { name, elementType, shape }: TensorInfo,
  { vocabSize, headSize }: MemoryQuestion,
  { sequences: B, tokens: S }: BatchShape
): InferredTensor {
  const { N, C } = headChunks(B * S, headRowLimits(vocabSize).maxChunkRows)
  const scoringInputs: Readonly<Record<string, InferredTensor>> = {
    [SCORING_INPUTS.rows]: tensorInfo(elementType, [N, C]),
    [SCORING_INPUTS.targets]: tensorInfo(elementType, [N, C]),
    [SCORING_INPUTS.detailed]: tensorInfo(elementType, [], [1]),
    [SCORING_INPUTS.topCount]: tensorInfo(elementType, [1], [Math.min(TOP_COUNT, vocabSize)]),
    [SCORING_INPUTS.probed]: tensorInfo(elementType, [0], []),
    [SCORING_INPUTS.wantsVariance]: tensorInfo(elementType, [], [1]),
    [SCORING_INPUTS.wantsWordStarts]: tensorInfo(elementType, [], [1]),
    [SCORING_INPUTS.wordStarts]: tensorInfo(elementType, [vocabSize]),
    // In a plain pass. The bias of a packed row is as large as the attention mask, once for all heads.
    [ATTENTION_BIAS]: tensorInfo(elementType, [1, 1, 1, 1])
  }
  const scoringInput = scoringInputs[name]
  if (scoringInput !== undefined) return scoringInput
  // A key-value cache, (B, heads, 0, head size).
  if (shape?.length === 4) {
    const dims = shape.map((dim, i) => (typeof dim === 'number' ? dim : i === 3 ? headSize : 0))
    return tensorInfo(elementType, [B, ...dims.slice(1)])
  }
  const dims = (shape ?? []).map((dim, i) => (typeof dim === 'number' ? dim : i === 0 ? B : i === 1 ? S : 0))
  return tensorInfo(elementType, dims, elementCount(dims) === 1 && dims.length < 2 ? [0] : null)
}
