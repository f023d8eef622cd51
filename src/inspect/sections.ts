import type { Config } from '../config/options.ts'
import { readKnownAnswers } from '../model/known-answers.ts'
import { findHead } from '../model/onnx/find-head.ts'
import type { Graph } from '../model/onnx/graph.ts'
import { wholeTensorQuantizers } from '../model/onnx/numerics.ts'
import { splitQuantizedProducts } from '../model/onnx/split-quantized-product.ts'
import { writeOnnx } from '../model/onnx/write.ts'
import type { OpenModel } from '../model/open-model.ts'
import type { PrecisionPlan } from '../model/precision/precision-plan.ts'
import type { RoundedFile } from '../model/precision/prepare.ts'
import { mebibytes } from '../process/mebibytes.ts'
import { baseVocabSizeOf, type TokenizerJson } from '../tokenizer/token-bytes.ts'

/** A model to report on, without its weights. */
export interface InspectedModel {
  readonly folder: OpenModel
  readonly original: Graph
  /** The graph that the engine would run. */
  readonly scoring: Graph
  /** Whether the engine would keep prefixes. */
  readonly hasPrefixCache: boolean
  /** Content of tokenizer.json; null without that file. */
  readonly tokenizer: Partial<TokenizerJson> | null
  /** The plan for 8-bit weights; null without --precision int8. */
  readonly precision: PrecisionPlan | null
  /** The cached file of 8-bit weights; null when nobody looked. */
  readonly roundedFile: RoundedFile | null
  /** The settings that `logpr serve` would use. */
  readonly config: Config
}

/** One part of the report of `logpr inspect`. */
export interface Section {
  /** Its key in the JSON report. */
  readonly name: string
  readonly json: object
  /** For people. */
  readonly lines: readonly (readonly [label: string, text: string])[]
}

/** Makes a section; null when it does not apply to the model. */
export type SectionMaker = (model: InspectedModel) => Section | null

/** The model as its folder and its graph describe it. */
export function modelSection({ folder }: InspectedModel): Section {
  const { id, architecture, dtype, dtypeChoice, layout, numerics, onnxPath, files, maxModelLen, maxModelLenSource } = folder
  const [onnxFile, ...dataFiles] = files
  const hasKnownAnswer = readKnownAnswers(folder.folder, dtype, 'cpu') !== null
  return {
    name: 'model',
    json: {
      id,
      architecture,
      dtype,
      dtype_choice: dtypeChoice,
      layout,
      numerics,
      file: onnxPath,
      file_bytes: onnxFile?.sizeBytes ?? 0,
      data_files: dataFiles.map(({ file, sizeBytes }) => ({ file, size_bytes: sizeBytes })),
      max_model_len: maxModelLen,
      max_model_len_source: maxModelLenSource,
      vocab_size: folder.vocabSize,
      stated_vocab_size: folder.statedVocabSize,
      has_known_answer: hasKnownAnswer
    },
    lines: [
      ['model', `${id} (${architecture}, ${dtype})`],
      ['chosen by', dtypeChoice],
      ['layout', layout],
      ['file', `${onnxPath}, ${mebibytes(onnxFile?.sizeBytes ?? 0)}`],
      ...dataFiles.map(({ file, sizeBytes }) => ['', `${file}, ${mebibytes(sizeBytes)}`] as const),
      ['numerics', `weights ${numerics.weights}, activations ${numerics.activations}, logits ${numerics.logits}`],
      ['context', `${maxModelLen} tokens (${maxModelLenSource})`],
      ['vocabulary', vocabularyText(folder)],
      ['known answer', hasKnownAnswer ? 'canary.json' : 'none: the first start is compared with later ones']
    ]
  }
}

function vocabularyText({ vocabSize, statedVocabSize }: Pick<OpenModel, 'vocabSize' | 'statedVocabSize'>): string {
  return vocabSize === statedVocabSize ? String(vocabSize) : `${vocabSize}, where the configuration says ${statedVocabSize ?? 'nothing'}`
}

/** The ids of tokenizer.json, compared with the logits of the model; null without that file. */
export function tokenizerSection({ tokenizer: json, folder: { vocabSize } }: InspectedModel): Section | null {
  if (json === null) return null
  if (!hasVocabulary(json)) {
    const fault = 'tokenizer.json has no vocabulary: download it again; logpr serve will refuse it'
    return { name: 'tokenizer', json: { base_vocab_size: null, is_usable: false, ids_without_logits: [] }, lines: [['tokenizer', fault]] }
  }
  const baseSize = baseVocabSizeOf(json)
  const unreachable = (json.added_tokens ?? []).filter(({ id }) => id >= vocabSize)
  const spellings = unreachable.slice(0, SHOWN_TOKENS).map(({ id, content }) => `${content} (${id})`)
  const more = unreachable.length > SHOWN_TOKENS ? ` and ${unreachable.length - SHOWN_TOKENS} more` : ''
  return {
    name: 'tokenizer',
    json: { base_vocab_size: baseSize, is_usable: baseSize <= vocabSize, ids_without_logits: unreachable.map(({ id }) => id) },
    lines: [
      ['tokenizer', `${baseSize} ids and ${(json.added_tokens ?? []).length} added tokens`],
      ...(baseSize > vocabSize
        ? [['', `does not belong to this model, which has only ${vocabSize} logits per token: logpr serve will refuse it`] as const]
        : unreachable.length > 0
          ? [['', `the model has no logits for ${spellings.join(', ')}${more}: requests with these tokens are refused`] as const]
          : [])
    ]
  }
}

export function hasVocabulary(json: Partial<TokenizerJson>): json is TokenizerJson {
  return json.model?.vocab !== undefined
}

const SHOWN_TOKENS = 5
const SHOWN_INPUTS = 4

/** The original graph: operator sets, inputs and LM head. */
export function graphSection({ folder, original }: InspectedModel): Section {
  const operatorSets = [...original.opsets].map(([domain, version]) => [domain === '' ? 'ai.onnx' : domain, version] as const)
  const inputs = original.inputs.map(({ name, shape }) => `${name} [${shape?.join(', ') ?? 'unknown rank'}]`)
  const head = findHead(splitQuantizedProducts(original))
    .nodes.map(({ opType }) => opType)
    .join(' -> ')
  const quantizers = wholeTensorQuantizers(original).length
  const hidden = inputs.length - SHOWN_INPUTS
  return {
    name: 'graph',
    json: {
      operator_sets: Object.fromEntries(operatorSets),
      inputs,
      feeds: folder.inputs.map(({ name, role }) => `${name}: ${role}`),
      head,
      whole_tensor_quantizers: quantizers
    },
    lines: [
      ['operator sets', operatorSets.map(([domain, version]) => `${domain} ${version}`).join(', ')],
      ['inputs', hidden > 0 ? `${inputs.slice(0, SHOWN_INPUTS - 1).join('; ')}; ${hidden + 1} more` : inputs.join('; ')],
      ['head', head],
      ...(quantizers === 0 ? [] : [['activations', `quantized over whole tensors: ${quantizers} operators; scores are approximate and run alone`] as const])
    ]
  }
}

/** The scoring graph, compared with the original. */
export function scoringGraphSection({ original, scoring }: InspectedModel): Section {
  const json = {
    nodes_before: original.nodes.length,
    nodes_after: scoring.nodes.length,
    outputs_dropped: original.outputs.length,
    bytes: writeOnnx(scoring).length,
    weights_copied: 0
  }
  const text = `${json.nodes_before} -> ${json.nodes_after} nodes, ${json.outputs_dropped} outputs dropped, ${Math.round(json.bytes / 1024)} KiB beside the weights, which stay where they are`
  return { name: 'scoring_graph', json, lines: [['prepared', text]] }
}

const FORMS = { blocks: 'a scale for every 128 inputs', rows: 'a scale for each row and each output' } as const

/** The 8-bit weights of --precision int8. */
export function precisionSection({ precision, roundedFile }: InspectedModel): Section | null {
  if (precision === null) return null
  const { form, weights, products, sizeBytes } = precision
  const cached =
    roundedFile === null ? '' : roundedFile.isComplete ? `; cached in ${roundedFile.path}` : `; the next start will write them to ${roundedFile.path}`
  return {
    name: 'precision',
    json: {
      form,
      weights: weights.size,
      products: products.length,
      file_bytes: sizeBytes,
      file: roundedFile?.path ?? null,
      is_prepared: roundedFile?.isComplete ?? null
    },
    lines: [['8-bit rows', `${weights.size} weights, ${FORMS[form]}, ${mebibytes(sizeBytes)}${cached}`]]
  }
}
