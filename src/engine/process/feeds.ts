import { ServiceError } from '../../errors.ts'
import { BOOL, FLOAT, FLOAT16, INT32 } from '../../model/onnx/data-types.ts'
import type { TensorInfo } from '../../model/onnx/graph.ts'
import { headChunks, type RowLimits } from '../../model/onnx/head-rows.ts'
import { type InputRole, type ModelInput, modelInputs } from '../../model/onnx/model-inputs.ts'
import type { HeadSizes } from '../../model/onnx/past-key-values.ts'
import { SCORING_INPUTS } from '../../model/onnx/scoring-graph.ts'
import type { Batch } from '../engine.ts'
import { halfTensor } from './half-tensor.ts'
import { Tensor } from './onnxruntime.ts'
import type { Pass } from './pass.ts'
import { pastDims } from './prefix-cache/cache-tensor.ts'

type Feeds = Record<string, Tensor>

/** Makes one input of a pass. */
type FeedMaker = (pass: Pass) => Tensor

/**
 * How the scoring graph computes the rows of a pass: one after the other in N chunks of C, the last filled up with row
 * 0.
 */
export interface RowPlan {
  readonly N: number
  readonly C: number
  readonly rowCount: number
  /** Columns of the chunks whose raw logits the graph outputs: the same ones in each chunk. */
  readonly columns: readonly number[]
  /** Those of the output rows that are examined. */
  readonly probedRows: readonly number[]
}

/**
 * Decides once, by input name, how the model's own inputs are made. Throws `model_unsupported` for an unknown input.
 */
export function feedMakers(inputs: readonly TensorInfo[], sizes: HeadSizes): ReadonlyMap<string, FeedMaker> {
  const added = new Set<string>(Object.values(SCORING_INPUTS))
  const own = inputs.filter(({ name }) => !added.has(name))
  return new Map(modelInputs(own, sizes).map((input) => [input.name, feedMakerOf(input)]))
}

/** Feeds of one pass over a batch or a part of it. */
export function passFeeds(
  makers: ReadonlyMap<string, FeedMaker>,
  pass: Pass,
  batch: Batch,
  { maxChunkRows, maxProbedRows }: RowLimits,
  wordStarts: Tensor | null = null
): { feeds: Feeds; plan: RowPlan } {
  const feeds: Feeds = Object.fromEntries([...makers].map(([name, make]) => [name, make(pass)]))
  const { rows, targets } = pass.wanted
  const rowCount = rows.length
  const { N, C } = headChunks(rowCount, maxChunkRows)
  feeds[SCORING_INPUTS.rows] = filled(rows, N, C)
  feeds[SCORING_INPUTS.targets] = filled(targets, N, C)
  feeds[SCORING_INPUTS.detailed] = new Tensor('bool', [batch.topCount !== null], [])
  feeds[SCORING_INPUTS.topCount] = new Tensor('int64', [BigInt(Math.max(1, batch.topCount ?? 1))], [1])
  Object.assign(feeds, measureFeeds(batch, wordStarts))
  const { columns, probedRows } = probesOf(batch, N, C, maxProbedRows)
  feeds[SCORING_INPUTS.probed] = new Tensor('int64', BigInt64Array.from(columns, BigInt), [columns.length])
  return { feeds, plan: { N, C, rowCount, columns, probedRows } }
}

/** `wordStarts` is (V,). Throws `internal_error` when it is needed and null. */
function measureFeeds({ measures = [] }: Batch, wordStarts: Tensor | null): Feeds {
  const wantsWordStarts = measures.includes('word_starts')
  if (wantsWordStarts && wordStarts === null)
    throw new ServiceError('internal_error', 'the probability of a word start was requested before the self-test said which tokens begin words')
  return {
    [SCORING_INPUTS.wantsVariance]: new Tensor('bool', [measures.includes('variance')], []),
    [SCORING_INPUTS.wantsWordStarts]: new Tensor('bool', [wantsWordStarts], []),
    [SCORING_INPUTS.wordStarts]: wantsWordStarts && wordStarts !== null ? wordStarts : new Tensor('float32', [0], [1])
  }
}

/**
 * The graph outputs the same columns of every chunk, so one column costs N rows. When the requested columns exceed
 * `maxProbedRows`, as for long texts with large vocabularies, fewer are output and all of their rows are examined.
 */
function probesOf({ sequences, probe }: Batch, N: number, C: number, maxProbedRows: number): Pick<RowPlan, 'columns' | 'probedRows'> {
  const { ids, firstScored } = sequences[0] ?? { ids: [], firstScored: 0 }
  const wanted = (probe?.positions ?? []).map((position) => position - firstScored)
  const columns = [...new Set(wanted.map((row) => row % C))]
  const affordable = Math.floor(maxProbedRows / N)
  if (columns.length <= affordable) return { columns, probedRows: wanted }
  const fewer = columns.slice(0, affordable)
  const rows = Array.from({ length: N }, (_, n) => fewer.map((column) => n * C + column)).flat()
  return { columns: fewer, probedRows: rows.filter((row) => row < ids.length - firstScored) }
}

/** (N, C), with zeros after the values. */
function filled(values: Int32Array, N: number, C: number): Tensor {
  const elements = new BigInt64Array(N * C)
  values.forEach((value, i) => {
    elements[i] = BigInt(value)
  })
  return new Tensor('int64', elements, [N, C])
}

/** The bits of 1 as a float16. */
const HALF_ONE = 0x3c00

/** Makes an input in the element type that the graph declares. */
function feedMakerOf({ name, elementType, role, dims }: ModelInput): FeedMaker {
  if (role === 'mask') return (pass) => tensorOf(elementType, maskOf(pass), [pass.B, pass.pastLength + pass.S])
  if (dims === null) return (pass) => tensorOf(elementType, valuesOf(role, pass), [pass.B, pass.S])
  return ({ B, pastLength, past }) => {
    const known = past?.get(name)
    const sizes = pastDims(dims, pastLength, B)
    if (known instanceof Float32Array) return new Tensor('float32', known, sizes)
    if (known instanceof Uint16Array) return halfTensor(known, sizes)
    return tensorOf(elementType, new Int32Array(sizes.reduce((product, size) => product * size, 1)), sizes)
  }
}

/** (B, S) row-major */
function valuesOf(role: InputRole, { ids, positions }: Pass): Int32Array {
  if (role === 'ids') return ids
  return role === 'positions' ? positions : new Int32Array(ids.length)
}

/** (B, P + S) row-major: 1 for the past and for every token of the row, 0 for padding. */
function maskOf({ B, S, pastLength, lengths }: Pass): Int32Array {
  const width = pastLength + S
  const mask = new Int32Array(B * width)
  lengths.forEach((length, b) => void mask.fill(1, b * width, b * width + pastLength + length))
  return mask
}

/** `values` are 0 and 1 alone for FLOAT16: no other value is ever fed in half precision. */
function tensorOf(elementType: number, values: Int32Array, dims: readonly number[]): Tensor {
  switch (elementType) {
    case BOOL:
      return new Tensor('bool', Uint8Array.from(values), dims)
    case FLOAT:
      return new Tensor('float32', Float32Array.from(values), dims)
    case FLOAT16:
      return halfTensor(
        Uint16Array.from(values, (value) => (value === 0 ? 0 : HALF_ONE)),
        dims
      )
    case INT32:
      return new Tensor('int32', Int32Array.from(values), dims)
    default:
      return new Tensor('int64', BigInt64Array.from(values, BigInt), dims)
  }
}
