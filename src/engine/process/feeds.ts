import { Tensor } from 'onnxruntime-node'
import { ServiceError } from '../../errors.ts'
import { headChunks, type RowLimits } from '../../memory/head-rows.ts'
import { FLOAT16, type TensorInfo } from '../../model/onnx/graph.ts'
import { SCORING_INPUTS } from '../../model/onnx/scoring-graph.ts'
import type { Batch } from '../engine.ts'

type Feeds = Record<string, Tensor>
/** Makes one input from the padded batch of B rows and S columns. */
type FeedMaker = (batch: PaddedBatch) => Tensor

/** Right-padded: attention operators that count the mask's ones are wrong with padding on the left. */
interface PaddedBatch {
  readonly B: number
  readonly S: number
  /** (B, S) row-major; padding repeats token 0, which the mask hides. */
  readonly ids: BigInt64Array
  readonly lengths: readonly number[]
}

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
export function feedMakers(inputs: readonly TensorInfo[], headSize: number): ReadonlyMap<string, FeedMaker> {
  const own = new Set<string>(Object.values(SCORING_INPUTS))
  return new Map(inputs.filter(({ name }) => !own.has(name)).map((input) => [input.name, feedMakerOf(input, headSize)]))
}

/**
 * Feeds of one batch. A sequence of n ids is fed without its last token, whose row nobody asks for: S = longest n - 1.
 * The row that predicts token i is i - 1.
 */
export function buildFeeds(makers: ReadonlyMap<string, FeedMaker>, batch: Batch, { maxChunkRows, maxProbedRows }: RowLimits): { feeds: Feeds; plan: RowPlan } {
  const padded = padRight(batch)
  const feeds: Feeds = Object.fromEntries([...makers].map(([name, make]) => [name, make(padded)]))

  const rowCount = batch.sequences.reduce((sum, { ids, firstScored }) => sum + ids.length - firstScored, 0)
  const { N, C } = headChunks(rowCount, maxChunkRows)
  const rows = new BigInt64Array(N * C)
  const targets = new BigInt64Array(N * C)
  let at = 0
  batch.sequences.forEach(({ ids, firstScored, targets: wanted }, b) => {
    for (let i = firstScored; i < ids.length; i++, at++) {
      rows[at] = BigInt(b * padded.S + i - 1)
      targets[at] = BigInt(wanted?.[i - firstScored] ?? ids[i]!)
    }
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
  const ids = new BigInt64Array(B * S)
  sequences.forEach((sequence, b) => {
    for (let s = 0; s < lengths[b]!; s++) ids[b * S + s] = BigInt(sequence.ids[s]!)
  })
  return { B, S, ids, lengths }
}

function feedMakerOf(input: TensorInfo, headSize: number): FeedMaker {
  switch (input.name) {
    case 'input_ids':
      return ({ B, S, ids }) => new Tensor('int64', ids, [B, S])
    case 'attention_mask':
      return ({ B, S, lengths }) =>
        new Tensor(
          'int64',
          fill(B, S, (b, s) => (s < lengths[b]! ? 1n : 0n)),
          [B, S]
        )
    case 'position_ids':
      return ({ B, S }) =>
        new Tensor(
          'int64',
          fill(B, S, (_, s) => BigInt(s)),
          [B, S]
        )
    case 'num_logits_to_keep':
      return () => new Tensor('int64', [0n], [])
  }
  if (/^past_key_values\.\d+\.(key|value)$/.test(input.name)) return emptyPastMaker(input, headSize)
  throw new ServiceError('model_unsupported', `the graph wants an input named ${input.name}, which logpr does not know how to feed`)
}

/** An empty key or value cache: (B, key-value heads, 0, head size). */
function emptyPastMaker(input: TensorInfo, headSize: number): FeedMaker {
  const [, heads, , size] = input.shape ?? []
  if (input.shape?.length !== 4 || typeof heads !== 'number') {
    throw new ServiceError(
      'model_unsupported',
      `the cache input ${input.name} has shape [${input.shape?.join(', ')}], expected [batch, heads, past, head size] with a known number of heads`
    )
  }
  const half = input.elementType === FLOAT16
  return ({ B }) => {
    const dims = [B, heads, 0, typeof size === 'number' ? size : headSize]
    return half ? new Tensor('float16', new Uint16Array(0), dims) : new Tensor('float32', new Float32Array(0), dims)
  }
}

function fill(B: number, S: number, value: (b: number, s: number) => bigint): BigInt64Array {
  const data = new BigInt64Array(B * S)
  for (let b = 0; b < B; b++) for (let s = 0; s < S; s++) data[b * S + s] = value(b, s)
  return data
}
