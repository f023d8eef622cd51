import { Tensor } from 'onnxruntime-node'
import { headChunks, type RowLimits } from '../../memory/head-rows.ts'
import type { TensorInfo } from '../../model/onnx/graph.ts'
import { modelInputs } from '../../model/onnx/model-inputs.ts'
import type { HeadSizes } from '../../model/onnx/past-shape.ts'
import { SCORING_INPUTS } from '../../model/onnx/scoring-graph.ts'
import { type Batch, rowCountOf } from '../engine.ts'
import { type FeedMaker, feedMakerOf, type PaddedBatch } from './model-feed.ts'

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

/**
 * Feeds of one batch. A sequence of n ids is fed without its last token, whose row nobody asks for: S = longest n - 1.
 * The row that predicts token i is i - 1; that of the last token is asked for once more for each of its alternatives.
 */
export function buildFeeds(makers: ReadonlyMap<string, FeedMaker>, batch: Batch, { maxChunkRows, maxProbedRows }: RowLimits): { feeds: Feeds; plan: RowPlan } {
  const padded = padRight(batch)
  const feeds: Feeds = Object.fromEntries([...makers].map(([name, make]) => [name, make(padded)]))

  const rowCount = batch.sequences.reduce((sum, sequence) => sum + rowCountOf(sequence), 0)
  const { N, C } = headChunks(rowCount, maxChunkRows)
  const rows = new BigInt64Array(N * C)
  const targets = new BigInt64Array(N * C)
  let at = 0
  const want = (row: number, target: number): void => {
    rows[at] = BigInt(row)
    targets[at] = BigInt(target)
    at++
  }
  batch.sequences.forEach(({ ids, firstScored, targets: wanted, alternatives = [] }, b) => {
    const start = b * padded.S - 1
    for (let i = firstScored; i < ids.length; i++) want(start + i, wanted?.[i - firstScored] ?? ids[i]!)
    for (const id of alternatives) want(start + ids.length - 1, id)
  })
  feeds[SCORING_INPUTS.rows] = new Tensor('int64', rows, [N, C])
  feeds[SCORING_INPUTS.targets] = new Tensor('int64', targets, [N, C])
  feeds[SCORING_INPUTS.detailed] = new Tensor('bool', [batch.topCount !== null], [])
  feeds[SCORING_INPUTS.topCount] = new Tensor('int64', [BigInt(Math.max(1, batch.topCount ?? 1))], [1])
  const { columns, probedRows } = probesOf(batch, N, C, maxProbedRows)
  feeds[SCORING_INPUTS.probed] = new Tensor('int64', BigInt64Array.from(columns, BigInt), [columns.length])
  return { feeds, plan: { N, C, rowCount, columns, probedRows } }
}

function padRight({ sequences }: Batch): PaddedBatch {
  const lengths = sequences.map(({ ids }) => ids.length - 1)
  const B = sequences.length
  const S = Math.max(...lengths)
  const ids = new Int32Array(B * S)
  sequences.forEach((sequence, b) => {
    ids.set(sequence.ids.subarray(0, lengths[b]), b * S)
  })
  return { B, S, ids, lengths }
}
