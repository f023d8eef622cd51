import type { Tensor } from 'onnxruntime-node'
import { SCORING_OUTPUTS } from '../../model/onnx/scoring-graph.ts'
import type { Batch, RowDetail, RowScores } from '../engine.ts'

/** Cuts the outputs of the scoring graph, (N, C, 1) each and filled up at the end, into the rows of each sequence. */
export function rowScoresOf(outputs: Readonly<Record<string, Tensor>>, batch: Batch): RowScores[] {
  const floats = (name: string): Float32Array => outputs[name]!.data as Float32Array
  const integers = (name: string): BigInt64Array => outputs[name]!.data as BigInt64Array
  const logProbs = floats(SCORING_OUTPUTS.logProb)
  const logSumExps = floats(SCORING_OUTPUTS.logSumExp)
  const bestIds = integers(SCORING_OUTPUTS.bestId)
  const bestLogProbs = floats(SCORING_OUTPUTS.bestLogProb)

  let start = 0
  return batch.sequences.map(({ ids, firstScored }) => {
    const [from, to] = [start, start + ids.length - firstScored]
    start = to
    return {
      logProbs: logProbs.slice(from, to),
      logSumExps: logSumExps.slice(from, to),
      bestIds: Int32Array.from(bestIds.subarray(from, to), Number),
      bestLogProbs: bestLogProbs.slice(from, to),
      detail: batch.topCount === null ? null : detailOf(batch.topCount, from, to)
    }
  })

  function detailOf(topCount: number, from: number, to: number): RowDetail {
    const width = Math.max(1, topCount)
    const keep = topCount === 0 ? 0 : 1
    return {
      ranks: Int32Array.from(floats(SCORING_OUTPUTS.higherCount).subarray(from, to), (higher) => higher + 1),
      entropies: floats(SCORING_OUTPUTS.entropy).slice(from, to),
      topCount,
      topIds: Int32Array.from(integers(SCORING_OUTPUTS.topIds).subarray(from * width, to * width * keep), Number),
      topLogProbs: floats(SCORING_OUTPUTS.topLogProbs).slice(from * width, to * width * keep)
    }
  }
}
