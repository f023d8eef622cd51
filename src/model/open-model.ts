import { basename } from 'node:path'
import { ServiceError } from '../errors.ts'
import { folderOfModel, type ModelFolder, openModelFolder } from './folder/model-folder.ts'
import { assertTextFiles } from './manifest.ts'
import { findHead, logitsOf, vocabularyWidth } from './onnx/find-head.ts'
import type { Graph } from './onnx/graph.ts'
import { type ModelInput, modelInputs } from './onnx/model-inputs.ts'
import { type Numerics, numericsOf } from './onnx/numerics.ts'
import { removeDead } from './onnx/remove-dead.ts'
import { assertOperatorSet } from './onnx/scoring-graph.ts'
import { splitQuantizedProducts } from './onnx/split-quantized-product.ts'
import type { DataFile } from './weights/data-files.ts'
import { openGraph } from './weights/open-graph.ts'

/** How the files of a model are laid out, for people. */
export type Layout = 'genai' | 'merged decoder' | 'decoder without past' | 'decoder with past' | 'ids only'

/** A model folder whose graph was read, without its weights: what it really is, and that it can be scored. */
export interface OpenModel extends ModelFolder {
  readonly layout: Layout
  /** What the graph computes with. `dtype` follows it where the file's name says otherwise. */
  readonly numerics: Numerics
  /** Columns of the head. */
  readonly vocabSize: number
  /** What the JSON files say; null when they say nothing. */
  readonly statedVocabSize: number | null
  readonly inputs: readonly ModelInput[]
  readonly graph: Graph
  /** That hold the graph and the weights: the .onnx file first. */
  readonly files: readonly DataFile[]
}

/** What a caller may ask for; 0 and `auto` ask for nothing. */
export interface ModelChoice {
  readonly dtype?: string
  readonly maxModelLen?: number
}

/**
 * Opens a folder or an .onnx file, looks into its graph and checks that its files are whole. Throws `model_invalid` or
 * `model_unsupported` with the reason why it cannot be scored.
 */
export function openModel(path: string, { dtype = 'auto', maxModelLen = 0 }: ModelChoice = {}): OpenModel {
  assertTextFiles(folderOfModel(path))
  const folder = openModelFolder(path, dtype, maxModelLen)
  const { graph, files } = openGraph({ onnxPath: folder.onnxPath, modelFolder: folder.folder })
  return { ...folder, ...describeGraph(folder, graph), graph, files }
}

export type ModelInfo = Pick<OpenModel, 'layout' | 'dtype' | 'dtypeChoice' | 'numerics' | 'maxModelLen' | 'maxModelLenSource' | 'vocabSize' | 'statedVocabSize'>

/** What was chosen and why, as the log and GET /v1/models show it. */
export function modelInfoOf({ layout, dtype, dtypeChoice, numerics, maxModelLen, maxModelLenSource, vocabSize, statedVocabSize }: OpenModel): ModelInfo {
  return { layout, dtype, dtypeChoice, numerics, maxModelLen, maxModelLenSource, vocabSize, statedVocabSize }
}

/** What a graph says of the model in a folder. */
export function describeGraph(
  folder: ModelFolder,
  graph: Graph
): Pick<OpenModel, 'layout' | 'numerics' | 'dtype' | 'vocabSize' | 'statedVocabSize' | 'inputs'> {
  const numerics = numericsOf(graph)
  // Inputs first: what makes a model another kind than a causal one shows in their names.
  const inputs = modelInputs(removeDead({ ...graph, outputs: [logitsOf(graph)] }).inputs, folder)
  const head = findHead(splitQuantizedProducts(graph))
  assertOperatorSet(graph)
  const vocabSize = vocabularyWidth(graph, head) ?? folder.vocabSize
  if (vocabSize === 0) throw new ServiceError('model_invalid', `neither the graph nor ${basename(folder.folder)}/config.json says the size of the vocabulary`)
  return {
    layout: layoutOf(folder, graph, inputs),
    numerics,
    dtype: dtypeOf(folder.dtype, numerics),
    vocabSize,
    statedVocabSize: folder.vocabSize || null,
    inputs
  }
}

function layoutOf({ genaiFile }: ModelFolder, { isMerged = false }: Graph, inputs: readonly ModelInput[]): Layout {
  if (isMerged) return 'merged decoder'
  if (genaiFile !== null) return 'genai'
  if (inputs.some(({ role }) => role === 'past')) return 'decoder with past'
  return inputs.length === 1 ? 'ids only' : 'decoder without past'
}

/** Weight formats that each name of a file may hold. */
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  fp32: ['float32'],
  fp16: ['float16'],
  q4: ['int4'],
  q4f16: ['int4'],
  bnb4: ['bnb4'],
  q8: ['int8', 'uint8'],
  int8: ['int8', 'uint8'],
  uint8: ['int8', 'uint8']
}

/** The file's name, unless the graph holds something else, as model.onnx of a genai folder may: then what it holds. */
function dtypeOf(named: string, { weights, activations }: Numerics): string {
  if (FORMATS[named]?.includes(weights) ?? true) return named
  const half = activations === 'float16' || activations === 'bfloat16'
  if (weights === 'float32') return half ? 'fp16' : 'fp32'
  if (weights === 'float16') return 'fp16'
  if (weights === 'bfloat16') return 'bf16'
  if (weights === 'int4') return half ? 'q4f16' : 'q4'
  return weights
}
