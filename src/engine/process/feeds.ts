import { Tensor } from 'onnxruntime-node'
import { BOOL, FLOAT, FLOAT16, INT32, type TensorInfo } from '../../model/onnx/graph.ts'
import { headChunks, type RowLimits } from '../../model/onnx/head-rows.ts'
import { type InputRole, type ModelInput, modelInputs } from '../../model/onnx/model-inputs.ts'
import type { HeadSizes } from '../../model/onnx/past-key-values.ts'
import { SCORING_INPUTS } from '../../model/onnx/scoring-graph.ts'
import type { Batch } from '../engine.ts'
import { halfTensor } from './half-tensor.ts'
import { type Pass, plainPass } from './pass.ts'
import { pastDims } from './prefix-cache/cache-tensor.ts'

type Feeds = Record<string, Tensor>

/** The rows of all sequences one after the other, cut into N chunks of C; the last entries repeat row 0 to fill up. */
export interface RowPlan {
  readonly N: number
  readonly C: number
  readonly rowCount: number
  /** Rows of every chunk that are given out whole. */
  readonly columns: readonly number[]
  /** Rows of the batch among them that are looked at. */
  readonly probedRows: readonly number[]
}

/**
 * Every chunk gives the same rows out, so that rows of one column in several chunks come together. Where those asked for
 * would be too many to hold, as in long texts of large vocabularies, fewer columns are taken and all of their rows.
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

/** How the model's own inputs are made, decided once by name. Throws `model_unsupported` for an input it does not know. */
export function feedMakers(inputs: readonly TensorInfo[], sizes: HeadSizes): ReadonlyMap<string, FeedMaker> {
  const added = new Set<string>(Object.values(SCORING_INPUTS))
  const own = inputs.filter(({ name }) => !added.has(name))
  return new Map(modelInputs(own, sizes).map((input) => [input.name, feedMakerOf(input)]))
}

/** Feeds of a batch with a row for every sequence, whatever its layout. */
export function buildFeeds(makers: ReadonlyMap<string, FeedMaker>, batch: Batch, limits: RowLimits): { feeds: Feeds; plan: RowPlan } {
  return passFeeds(makers, plainPass(batch.sequences), batch, limits)
}

/** Feeds of one pass over (part of) a batch, which says what to compute beside the wanted rows' own numbers. */
export function passFeeds(
  makers: ReadonlyMap<string, FeedMaker>,
  pass: Pass,
  batch: Batch,
  { maxChunkRows, maxProbedRows }: RowLimits
): { feeds: Feeds; plan: RowPlan } {
  const feeds: Feeds = Object.fromEntries([...makers].map(([name, make]) => [name, make(pass)]))
  const { rows, targets } = pass.wanted
  const rowCount = rows.length
  const { N, C } = headChunks(rowCount, maxChunkRows)
  feeds[SCORING_INPUTS.rows] = filledUp(rows, N, C)
  feeds[SCORING_INPUTS.targets] = filledUp(targets, N, C)
  feeds[SCORING_INPUTS.detailed] = new Tensor('bool', [batch.topCount !== null], [])
  feeds[SCORING_INPUTS.topCount] = new Tensor('int64', [BigInt(Math.max(1, batch.topCount ?? 1))], [1])
  const { columns, probedRows } = probesOf(batch, N, C, maxProbedRows)
  feeds[SCORING_INPUTS.probed] = new Tensor('int64', BigInt64Array.from(columns, BigInt), [columns.length])
  return { feeds, plan: { N, C, rowCount, columns, probedRows } }
}

function filledUp(values: Int32Array, N: number, C: number): Tensor {
  const filled = new BigInt64Array(N * C)
  values.forEach((value, i) => {
    filled[i] = BigInt(value)
  })
  return new Tensor('int64', filled, [N, C])
}

/** Makes one input of a pass. */
type FeedMaker = (pass: Pass) => Tensor

/** The bits of 1 as a float16. */
const HALF_ONE = 0x3c00

/** How an input is filled, in the element type that the graph declares. */
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

/** (B, P + S) row-major: 1 for the past and for every token of the row. */
function maskOf({ B, S, pastLength, lengths }: Pass): Int32Array {
  const width = pastLength + S
  const mask = new Int32Array(B * width)
  lengths.forEach((length, b) => void mask.fill(1, b * width, b * width + pastLength + length))
  return mask
}

/** Half floats are made of the integers 0 and 1 alone: nothing else is fed in them. */
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
