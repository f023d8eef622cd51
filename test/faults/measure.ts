import { join } from 'node:path'
import { type LoadedModel, loadModel } from '../../src/engine/process/session.ts'
import type { EngineSpec } from '../../src/engine/protocol.ts'
import { openModel } from '../../src/model/open-model.ts'
import { APPROXIMATE_CEILING_NATS, claimsFloat32, toleranceCeilingNats } from '../../src/model/tolerances.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'

export const EMBEDDED_FOLDER = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/** Absolute differences of two lists of token log-probabilities, nats. NaN counts as an infinite difference. */
export interface Difference {
  readonly mean: number
  readonly max: number
}

export function difference(a: ArrayLike<number>, b: ArrayLike<number>): Difference {
  const distances = Array.from(a, (value, i) => Math.abs(value - b[i]!)).map((value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value))
  return { mean: distances.reduce((sum, value) => sum + value, 0) / distances.length, max: Math.max(...distances) }
}

/** The specification that the engine process would receive. */
export function specOf(folder: string): EngineSpec {
  const { onnxPath, vocabSize, headSize, numerics } = openModel(folder)
  return {
    onnxPath,
    executionProvider: 'cpu',
    threads: 1,
    vocabSize,
    headSize,
    ceilingNats: toleranceCeilingNats(numerics, 'cpu'),
    approximateCeilingNats: APPROXIMATE_CEILING_NATS,
    claimsFloat32: claimsFloat32(numerics),
    expectedFiles: {}
  }
}

/** Loads a model folder as the engine process does. */
export async function load(folder: string): Promise<LoadedModel> {
  return loadModel(specOf(folder))
}

/** Log-probabilities of all tokens but the first of each sequence, computed in one forward pass. */
export async function logProbsOf(model: LoadedModel, ...sequences: readonly (readonly number[])[]): Promise<Float32Array[]> {
  const { rows } = await model.score({ sequences: sequences.map((ids) => ({ ids: Int32Array.from(ids), firstScored: 1 })), topCount: null })
  return rows.map(({ logProbs }) => logProbs)
}

/** About 200 tokens of text that suits the embedded model, after its prefix token. */
export async function sampleIds(): Promise<number[]> {
  const { encode } = await loadHuggingFaceTokenizer(EMBEDDED_FOLDER)
  return [0, ...encode(SAMPLE, false)]
}

const SAMPLE = `The children ran down to the river, where the old boatman sat mending his nets in the last of the sun. He had known
their father, and their father's father, and he told them, as he always did, that the water had been higher when he was a boy.
"You may laugh," said he, "but I have seen it come up to the church door, and the parson himself rowing across the green with
his hat tied under his chin." They did laugh, and begged him to go on; and he, who asked nothing better, put away his needle,
filled his pipe, and began the story of the great flood from the beginning, while the evening came slowly over the fields and
the first lamp was lit in the village behind them. "It was the winter that my brother went to sea," he said at last.`
