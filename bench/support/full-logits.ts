import type { Batch } from '../../src/engine/engine.ts'
import { feedMakers, passFeeds } from '../../src/engine/process/feeds.ts'
import type { InferenceSession, Tensor } from '../../src/engine/process/onnxruntime.ts'
import { plainPass } from '../../src/engine/process/pass.ts'
import type { EngineSpec } from '../../src/engine/protocol.ts'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { SCORING_INPUTS } from '../../src/model/onnx/scoring-graph.ts'
import { createSession } from './session.ts'

/** The exported model: it returns all logits and JavaScript does the rest. */
export interface FullLogitsModel {
  /** Logits (B, S, V) of a batch of sequences with S fed tokens each. */
  logits(batch: Batch): Promise<Float32Array>
}

export async function loadFullLogits(spec: EngineSpec): Promise<FullLogitsModel> {
  const original = readOnnx(spec.onnxPath)
  const session: InferenceSession = await createSession(spec, original)
  const makers = feedMakers(original.inputs, { headSize: spec.headSize, keyValueHeads: 0 })
  const added = new Set<string>(Object.values(SCORING_INPUTS))
  return {
    async logits(batch) {
      const { feeds } = passFeeds(makers, plainPass(batch.sequences), batch, { maxChunkRows: 1, maxProbedRows: 0 })
      const own: Record<string, Tensor> = Object.fromEntries(Object.entries(feeds).filter(([name]) => !added.has(name)))
      const outputs = await session.run(own, ['logits'])
      return outputs.logits!.data as Float32Array
    }
  }
}

/** Log-probability of the target and the most probable token of each scored row, in batch order; sums in float64. */
export function scoreLogits(logits: Float32Array, vocabSize: number, { sequences }: Batch): { logProbs: Float64Array; bestIds: Int32Array } {
  const S = Math.max(...sequences.map(({ ids }) => ids.length - 1))
  const rowCount = sequences.reduce((sum, { ids, firstScored }) => sum + ids.length - firstScored, 0)
  const logProbs = new Float64Array(rowCount)
  const bestIds = new Int32Array(rowCount)
  let at = 0
  sequences.forEach(({ ids, firstScored }, b) => {
    for (let i = firstScored; i < ids.length; i++, at++) {
      const start = (b * S + i - 1) * vocabSize
      const end = start + vocabSize
      let best = start
      for (let v = start + 1; v < end; v++) if (logits[v]! > logits[best]!) best = v
      const highest = logits[best]!
      let sum = 0
      for (let v = start; v < end; v++) sum += Math.exp(logits[v]! - highest)
      logProbs[at] = logits[start + ids[i]!]! - highest - Math.log(sum)
      bestIds[at] = best - start
    }
  })
  return { logProbs, bestIds }
}
