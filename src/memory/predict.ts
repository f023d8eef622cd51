import { ATTENTION_BIAS } from '../model/onnx/attention-bias.ts'
import type { Graph, TensorInfo } from '../model/onnx/graph.ts'
import { headChunks, headRowLimits } from '../model/onnx/head-rows.ts'
import { SCORING_INPUTS } from '../model/onnx/scoring-graph.ts'
import { heldWeights } from './held-weights.ts'
import { elementCount, type InferredTensor, tensorInfo, tensorInfoOf } from './shapes/tensor-info.ts'
import { type SimulatedMemory, simulateMemory } from './simulate-memory.ts'

const MIB = 1 << 20
/** Of the front process and its tokenizer thread while they serve (docs/reference/memory.md). */
export const FRONT_BYTES = 130 * MIB
/** Of an engine process before it has a model: Node, two threads and the graph itself. */
const ENGINE_BYTES = 35 * MIB
/** Ids, rows and results in JavaScript, buffers of the matrix kernels, and small holes. */
const PASS_BYTES = 27 * MIB
/**
 * Holes in the runtime's arena, as a share of the largest buffer. It gives nothing back and a buffer lies in one piece, so
 * what was freed cannot always be used again. Measured 0 to 1.2, 0.6 on the whole (docs/decisions/0010-memory.md).
 */
const HOLES = 0.6
/** Rank and entropy are asked for with some of the most probable tokens. */
const TOP_COUNT = 20

/** A batch of B sequences that feed S tokens each, padding included. */
export interface BatchShape {
  readonly sequences: number
  readonly tokens: number
}

export interface ShapeLimits {
  /** Most tokens of a sequence. The last one is scored and never fed. */
  readonly maxModelLen: number
  readonly maxBatchTokens: number
  readonly longTextTokens: number
}

/** What a service with this model takes, in bytes. What is held cannot be given back while it runs. */
export interface MemoryPrediction {
  /** Engine processes that it is for. */
  readonly replicas: number
  /** Front process, tokenizer and the engines without a model. */
  readonly baseBytes: number
  /** Weights in the engines' own memory. */
  readonly weightBytes: number
  /** Weights mapped from their files: they share the page cache and can be dropped. */
  readonly mappedBytes: number
  /** Needed while one engine loads, on top of base and weights. */
  readonly loadingBytes: number
  /** Of the largest pass within the token budget, and which one that is. */
  readonly budget: PassPrediction
  /** Of the largest pass that a request can ask for: two texts as long as the model takes. */
  readonly longest: PassPrediction
  /** Base, weights and the larger of loading and the budget's pass, in every engine at once. */
  readonly totalBytes: number
  /** Operators whose memory could not be told; with any, the prediction is too low. */
  readonly unknownOperators: readonly string[]
}

export interface PassPrediction {
  readonly bytes: number
  readonly shape: BatchShape
  /** The operator at which it is largest. */
  readonly at: string
}

export interface MemoryQuestion extends ShapeLimits {
  /** Engine processes of the model; 1 when absent. */
  readonly replicas?: number
  /** Whether they map one prepared file in place of weights in memory of their own. */
  readonly sharesWeights?: boolean
  readonly scoring: Graph
  readonly vocabSize: number
  /** For graphs that leave the head size symbolic. */
  readonly headSize: number
}

/**
 * The largest batches that the scheduler makes within its tokens (src/scheduling/plan-batch.ts): many short texts, as many
 * as fit of the longest ones that are still joined, and one text of all tokens. Attention grows with S², so these are the corners.
 */
export function budgetShapes({ maxModelLen, maxBatchTokens, longTextTokens }: ShapeLimits): readonly BatchShape[] {
  const longest = Math.max(1, maxModelLen - 1)
  const joined = Math.min(longTextTokens, longest, maxBatchTokens)
  return [
    { sequences: Math.max(1, Math.floor(maxBatchTokens / joined)), tokens: joined },
    { sequences: 1, tokens: Math.min(longest, maxBatchTokens) }
  ]
}

/**
 * The largest that any request makes: a text as long as the model takes runs whatever the budget, and a deep verification
 * puts it beside another of the same length.
 */
export function longestShape({ maxModelLen }: Pick<ShapeLimits, 'maxModelLen'>): BatchShape {
  return { sequences: 2, tokens: Math.max(1, maxModelLen - 1) }
}

/** Predicts the memory of a service on the CPU from the graph alone; no weight is read. */
export function predictMemory(question: MemoryQuestion): MemoryPrediction {
  const weights = weightTensors(question.scoring)
  const passes = budgetShapes(question).map((shape) => passOf(question, weights, shape))
  const longest = passOf(question, weights, longestShape(question))
  const budget = passes.reduce((most, each) => (each.pass.bytes > most.pass.bytes ? each : most))
  const { heldBytes, mappedBytes, largestHeldBytes } = heldWeights(question.scoring)
  const { foldedBytes, largestFoldedBytes, unknown } = budget.simulated
  const { replicas = 1, sharesWeights = false } = question
  const baseBytes = FRONT_BYTES + replicas * ENGINE_BYTES
  const preparedBytes = heldBytes + foldedBytes
  const weightBytes = sharesWeights ? 0 : replicas * preparedBytes
  // A folded tensor is there as it was made and as it is repacked; the pages of a mapped one can be dropped.
  const loadingBytes = sharesWeights ? 0 : largestFoldedBytes
  return {
    baseBytes,
    weightBytes,
    replicas,
    mappedBytes: Math.max(mappedBytes, largestHeldBytes) + (sharesWeights ? preparedBytes : 0),
    loadingBytes,
    budget: budget.pass,
    longest: longest.pass,
    totalBytes: baseBytes + weightBytes + replicas * Math.max(loadingBytes, budget.pass.bytes),
    unknownOperators: unknown
  }
}

/** Bytes of the engine's own memory in a pass of one shape, beyond what it has when the model is loaded. */
export function predictPass(question: MemoryQuestion, shape: BatchShape): PassPrediction {
  return passOf(question, weightTensors(question.scoring), shape).pass
}

function passOf(
  question: MemoryQuestion,
  weights: ReadonlyMap<string, InferredTensor>,
  shape: BatchShape
): { pass: PassPrediction; simulated: SimulatedMemory } {
  const inputs = new Map(question.scoring.inputs.map((input) => [input.name, inputTensor(input, question, shape)]))
  const simulated = simulateMemory(question.scoring, { inputs, weights })
  return { simulated, pass: { bytes: Math.ceil(simulated.peakBytes + HOLES * simulated.largestBytes) + PASS_BYTES, shape, at: simulated.peakAt } }
}

function weightTensors({ initializers }: Graph): ReadonlyMap<string, InferredTensor> {
  return new Map(
    initializers.map(({ name, dims, dataType, location, value }) => [
      name,
      location === null && value instanceof Uint8Array ? tensorInfoOf(value) : tensorInfo(dataType, dims)
    ])
  )
}

/** What an input is fed with when every row is scored and the caches are empty. */
function inputTensor(
  { name, elementType, shape }: TensorInfo,
  { vocabSize, headSize }: MemoryQuestion,
  { sequences: B, tokens: S }: BatchShape
): InferredTensor {
  const { N, C } = headChunks(B * S, headRowLimits(vocabSize).maxChunkRows)
  const scoring: Readonly<Record<string, InferredTensor>> = {
    [SCORING_INPUTS.rows]: tensorInfo(elementType, [N, C]),
    [SCORING_INPUTS.targets]: tensorInfo(elementType, [N, C]),
    [SCORING_INPUTS.detailed]: tensorInfo(elementType, [], [1]),
    [SCORING_INPUTS.topCount]: tensorInfo(elementType, [1], [Math.min(TOP_COUNT, vocabSize)]),
    [SCORING_INPUTS.probed]: tensorInfo(elementType, [0], []),
    // Of a plain pass; that of a packed row is as large as the mask, once for all heads.
    [ATTENTION_BIAS]: tensorInfo(elementType, [1, 1, 1, 1])
  }
  const own = scoring[name]
  if (own !== undefined) return own
  if (shape?.length === 4) {
    const dims = shape.map((dim, i) => (typeof dim === 'number' ? dim : i === 3 ? headSize : 0))
    return tensorInfo(elementType, [B, ...dims.slice(1)])
  }
  const dims = (shape ?? []).map((dim, i) => (typeof dim === 'number' ? dim : i === 0 ? B : i === 1 ? S : 0))
  return tensorInfo(elementType, dims, elementCount(dims) === 1 && dims.length < 2 ? [0] : null)
}
