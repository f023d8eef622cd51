import { Tensor } from 'onnxruntime-node'
import { headChunks, type RowLimits } from '../../memory/head-rows.ts'
import type { TensorInfo } from '../../model/onnx/graph.ts'
import { modelInputs } from '../../model/onnx/model-inputs.ts'
import type { HeadSizes } from '../../model/onnx/past-shape.ts'
import { SCORING_INPUTS } from '../../model/onnx/scoring-graph.ts'
import type { Batch } from '../engine.ts'
import { type FeedMaker, feedMakerOf } from './model-feed.ts'
import { type Pass, plainPass } from './pass.ts'

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
