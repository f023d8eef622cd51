import type { Tensor } from 'onnxruntime-node'
import { SCORING_OUTPUTS } from '../../model/onnx/scoring-graph.ts'
import { type RowProbe, rowProbe } from '../../scoring/row-probe.ts'
import { sequenceChecksum } from '../checksum.ts'
import { type Batch, type RowDetail, type RowScores, rowCountOf } from '../engine.ts'
import type { RowPlan } from './feeds.ts'

/** Cuts the outputs of the scoring graph, (N, C, 1) each and filled up at the end, into the rows of each sequence. */
export function rowScoresOf(outputs: Readonly<Record<string, Tensor>>, batch: Batch): RowScores[] {
  const floats = (name: string): Float32Array => outputs[name]!.data as Float32Array
  const integers = (name: string): BigInt64Array => outputs[name]!.data as BigInt64Array
  const logProbs = floats(SCORING_OUTPUTS.logProb)
  const logSumExps = floats(SCORING_OUTPUTS.logSumExp)
  const bestIds = integers(SCORING_OUTPUTS.bestId)
  const bestLogProbs = floats(SCORING_OUTPUTS.bestLogProb)

  let start = 0
  return batch.sequences.map((sequence) => {
    const [from, to] = [start, start + rowCountOf(sequence)]
    start = to
    return {
      logProbs: logProbs.slice(from, to),
      logSumExps: logSumExps.slice(from, to),
      bestIds: Int32Array.from(bestIds.subarray(from, to), Number),
      bestLogProbs: bestLogProbs.slice(from, to),
      detail: batch.topCount === null ? null : detailOf(batch.topCount, from, to),
      checksum: sequenceChecksum(sequence)
    }
  })

  function detailOf(topCount: number, from: number, to: number): RowDetail {
    const width = Math.max(1, topCount)
    const keep = topCount === 0 ? 0 : 1
    return {
      ranks: Int32Array.from(floats(SCORING_OUTPUTS.higherCount).subarray(from, to), (higher) => higher + 1),
      entropies: floats(SCORING_OUTPUTS.entropy).slice(from, to),
      probSquareSums: floats(SCORING_OUTPUTS.probSquares).slice(from, to),
      topCount,
      topIds: Int32Array.from(integers(SCORING_OUTPUTS.topIds).subarray(from * width, to * width * keep), Number),
      topLogProbs: floats(SCORING_OUTPUTS.topLogProbs).slice(from * width, to * width * keep)
    }
  }
}

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
