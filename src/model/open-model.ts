import { readdirSync } from 'node:fs'
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

/** The file layout of a model, for people. */
type Layout = 'genai' | 'merged decoder' | 'decoder without past' | 'decoder with past' | 'ids only'

/** A model folder whose graph was read, without its weights, and can be scored. */
export interface OpenModel extends ModelFolder {
  readonly layout: Layout
  /** The precision that the graph computes in; `dtype` follows it when the file name disagrees. */
  readonly numerics: Numerics
  /** Columns of the LM head. */
  readonly vocabSize: number
  /** The vocabulary size in the JSON files; null when they state none. */
  readonly statedVocabSize: number | null
  readonly inputs: readonly ModelInput[]
  readonly graph: Graph
  /** The .onnx file, then the files that hold the weights. */
  readonly files: readonly DataFile[]
}

/** What to open of a model folder. */
export interface ModelChoice {
  /** One of `DTYPES`; `auto`, the default, takes the most exact file. */
  readonly dtype?: string
  /** Lowers the context; 0, the default, does not. */
  readonly maxModelLen?: number
}

/**
 * Opens a model folder or an .onnx file, reads its graph and checks that its files are complete. Throws `model_invalid`
 * or `model_unsupported` with the reason why the model cannot be scored.
 */
export function openModel(path: string, { dtype = 'auto', maxModelLen = 0 }: ModelChoice = {}): OpenModel {
  const target = folderOfModel(path)
  const gguf = path.endsWith('.gguf') ? basename(path) : onlyGguf(target)
  if (gguf !== undefined) throw new ServiceError('model_unsupported', ggufMessage(gguf))
  assertTextFiles(target)
  const folder = openModelFolder(path, dtype, maxModelLen)
  const { graph, files } = openGraph({ onnxPath: folder.onnxPath, modelFolder: folder.folder })
  return { ...folder, ...describeGraph(folder, graph), graph, files }
}

export type ModelInfo = Pick<OpenModel, 'layout' | 'dtype' | 'dtypeChoice' | 'numerics' | 'maxModelLen' | 'maxModelLenSource' | 'vocabSize' | 'statedVocabSize'>

/** What the log and GET /v1/models show of a model. */
export function modelInfoOf({ layout, dtype, dtypeChoice, numerics, maxModelLen, maxModelLenSource, vocabSize, statedVocabSize }: OpenModel): ModelInfo {
  return { layout, dtype, dtypeChoice, numerics, maxModelLen, maxModelLenSource, vocabSize, statedVocabSize }
}

/** A GGUF file of a folder that has nothing else of a model. */
function onlyGguf(folder: string): string | undefined {
  const files = readdirSync(folder)
  return files.some((file) => file.endsWith('config.json')) ? undefined : files.find((file) => file.endsWith('.gguf'))
}

function ggufMessage(file: string): string {
  return `${file} is a GGUF file of llama.cpp, and logpr runs ONNX graphs: export the original model with optimum-cli export onnx, and name its folder`
}

/** The properties of a model that its graph determines. Throws as `openModel` does. */
function describeGraph(folder: ModelFolder, graph: Graph): Pick<OpenModel, 'layout' | 'numerics' | 'dtype' | 'vocabSize' | 'statedVocabSize' | 'inputs'> {
  const numerics = numericsOf(graph)
  // Inputs first, because their names tell best why a model is not a causal language model.
  const inputs = modelInputs(removeDead({ ...graph, outputs: [logitsOf(graph)] }).inputs, folder)
  const head = findHead(splitQuantizedProducts(graph))
  assertOperatorSet(graph)
  const vocabSize = vocabularyWidth(graph, head) ?? folder.vocabSize
  if (vocabSize === 0)
    throw new ServiceError(
      'model_invalid',
      `neither the graph nor ${basename(folder.folder)}/config.json states the vocabulary size: add vocab_size to config.json`
    )
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

/** Weight formats that each dtype in a file name may stand for. */
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

/**
 * The dtype in the file name, unless the graph has other weights, as model.onnx of a genai folder may: then that of the
 * weights.
 */
function dtypeOf(named: string, { weights, activations }: Numerics): string {
  if (FORMATS[named]?.includes(weights) ?? true) return named
  const half = activations === 'float16' || activations === 'bfloat16'
  if (weights === 'float32') return half ? 'fp16' : 'fp32'
  if (weights === 'float16') return 'fp16'
  if (weights === 'bfloat16') return 'bf16'
  if (weights === 'int4') return half ? 'q4f16' : 'q4'
  return weights
}
