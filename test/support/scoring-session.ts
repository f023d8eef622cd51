import { dirname } from 'node:path'
import { InferenceSession, Tensor } from '../../src/engine/process/onnxruntime.ts'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { SCORING_INPUTS, SCORING_OUTPUTS, scoringGraph } from '../../src/model/onnx/scoring-graph.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'

/** Flattened outputs of the scoring graph, by the names of SCORING_OUTPUTS. */
export type ScoringNumbers = Readonly<Record<keyof typeof SCORING_OUTPUTS, number[]>>

interface ScoringQuestion {
  /** The model's own inputs. */
  readonly feeds: Readonly<Record<string, Tensor>>
  /** N lists of C each. */
  readonly rows: readonly (readonly number[])[]
  readonly targets: readonly (readonly number[])[]
  readonly topCount: number | null
  /** Rows of each chunk whose raw logits are returned. */
  readonly probed?: readonly number[]
  /** (V,) 1 for the tokens that begin a word; null measures neither their probability nor the variance. */
  readonly wordStarts?: readonly number[] | null
}

export type Ask = (question: ScoringQuestion) => Promise<ScoringNumbers>

/** Loads a model file as the engine does: with a rewritten graph and the weights in their original file. */
export async function openScoring(path: string): Promise<Ask> {
  const session = await InferenceSession.create(writeOnnx(scoringGraph(readOnnx(path))), {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    extra: { session: { model_external_initializers_file_folder_path: dirname(path) } }
  })
  return async ({ feeds, rows, targets, topCount, probed = [], wordStarts = null }) => {
    const outputs = await session.run({
      ...feeds,
      [SCORING_INPUTS.rows]: int64(rows.flat(), [rows.length, rows[0]!.length]),
      [SCORING_INPUTS.targets]: int64(targets.flat(), [targets.length, targets[0]!.length]),
      [SCORING_INPUTS.detailed]: new Tensor('bool', [topCount !== null], []),
      [SCORING_INPUTS.topCount]: int64([topCount ?? 1], [1]),
      [SCORING_INPUTS.probed]: int64(probed, [probed.length]),
      ...measureFeeds(wordStarts)
    })
    const numbers = Object.entries(SCORING_OUTPUTS).map(([key, name]) => [key, Array.from(outputs[name]!.data as Float32Array | BigInt64Array, Number)])
    return Object.fromEntries(numbers) as ScoringNumbers
  }
}

/** Inputs for the variance and the probability of a word start; for neither of them with null. */
export function measureFeeds(wordStarts: readonly number[] | null): Record<string, Tensor> {
  return {
    [SCORING_INPUTS.wantsVariance]: new Tensor('bool', [wordStarts !== null], []),
    [SCORING_INPUTS.wantsWordStarts]: new Tensor('bool', [wordStarts !== null], []),
    [SCORING_INPUTS.wordStarts]: new Tensor('float32', Float32Array.from(wordStarts ?? [0]), [wordStarts?.length ?? 1])
  }
}

export function int64(values: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims)
}
