import type { Tensor } from 'onnxruntime-node'
import { SCORING_OUTPUTS } from '../../model/onnx/scoring-graph.ts'
import { type RowProbe, rowProbe } from '../../scoring/row-probe.ts'
import { sequenceChecksum } from '../checksum.ts'
import type { Batch, RowDetail, RowScores } from '../engine.ts'
import type { RowPlan } from './feeds.ts'

/** Numbers of scored tokens that an earlier pass gave, one entry a token: the first of a sequence's rows. */
export type KnownRows = Pick<RowScores, 'logProbs' | 'logSumExps' | 'bestIds' | 'bestLogProbs'>

type Outputs = Readonly<Record<string, Tensor>>

/**
 * The rows of each sequence out of the outputs of the scoring graph, (N, C, 1) each and filled up at the end. `ofSequence`
 * says which of the rows are whose; `known` are those in front of them that were not asked for again, never beside details.
 */
export function rowScoresOf(outputs: Outputs, batch: Batch, ofSequence: readonly Int32Array[], known: readonly (KnownRows | null)[] = []): RowScores[] {
  const floats = (name: string): Float32Array => outputs[name]!.data as Float32Array
  const [logProbs, logSumExps, bestLogProbs] = [floats(SCORING_OUTPUTS.logProb), floats(SCORING_OUTPUTS.logSumExp), floats(SCORING_OUTPUTS.bestLogProb)]
  const bestIds = outputs[SCORING_OUTPUTS.bestId]!.data as BigInt64Array
  return batch.sequences.map((sequence, i) => {
    const rows = ofSequence[i]!
    const before = known[i] ?? NO_ROWS
    const joined = (values: Float32Array, first: Float32Array): Float32Array => {
      const all = new Float32Array(first.length + rows.length)
      all.set(first)
      rows.forEach((row, r) => {
        all[first.length + r] = values[row]!
      })
      return all
    }
    return {
      logProbs: joined(logProbs, before.logProbs),
      logSumExps: joined(logSumExps, before.logSumExps),
      bestIds: Int32Array.from([...before.bestIds, ...Array.from(rows, (row) => Number(bestIds[row]))]),
      bestLogProbs: joined(bestLogProbs, before.bestLogProbs),
      detail: batch.topCount === null ? null : detailOf(outputs, batch.topCount, rows),
      checksum: sequenceChecksum(sequence)
    }
  })
}

function detailOf(outputs: Outputs, topCount: number, rows: Int32Array): RowDetail {
  const width = Math.max(1, topCount)
  const of = (name: string): Float32Array => outputs[name]!.data as Float32Array
  const column = (name: string): Float32Array => Float32Array.from(rows, (row) => of(name)[row]!)
  const top = Array.from(rows, (row) => Array.from({ length: topCount }, (_, k) => row * width + k)).flat()
  const topIds = outputs[SCORING_OUTPUTS.topIds]!.data as BigInt64Array
  return {
    ranks: Int32Array.from(column(SCORING_OUTPUTS.higherCount), (higher) => higher + 1),
    entropies: column(SCORING_OUTPUTS.entropy),
    probSquareSums: column(SCORING_OUTPUTS.probSquares),
    topCount,
    topIds: Int32Array.from(top, (place) => Number(topIds[place])),
    topLogProbs: Float32Array.from(top, (place) => of(SCORING_OUTPUTS.topLogProbs)[place]!)
  }
}

const NO_ROWS: KnownRows = { logProbs: new Float32Array(0), logSumExps: new Float32Array(0), bestIds: new Int32Array(0), bestLogProbs: new Float32Array(0) }

/** Looks at the raw logits of the probed rows with code of its own. */
export function rowProbesOf(outputs: Readonly<Record<string, Tensor>>, batch: Batch, { C, columns, probedRows }: RowPlan): RowProbe[] {
  if (batch.probe === undefined) return []
  const { textVocabSize } = batch.probe
  const { ids, firstScored } = batch.sequences[0]!
  const logits = outputs[SCORING_OUTPUTS.probeLogits]!
  const logProbs = outputs[SCORING_OUTPUTS.probeLogProbs]!.data as Float32Array
  const V = Number(logits.dims.at(-1))
  return probedRows.map((row) => {
    const start = (Math.floor(row / C) * columns.length + columns.indexOf(row % C)) * V
    const cut = (all: Float32Array): Float32Array => all.subarray(start, start + V)
    return rowProbe(cut(logits.data as Float32Array), cut(logProbs), { ids, position: row + firstScored, textVocabSize })
  })
}
