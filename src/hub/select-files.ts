import { posix } from 'node:path'
import { ServiceError } from '../errors.ts'
import { SUFFIX_BY_DTYPE } from '../model/model-folder.ts'

/** What a model needs beside its weights, if its folder has them. */
const SMALL_FILES = [
  'config.json',
  'generation_config.json',
  'genai_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'canary.json',
  'SHA256SUMS'
]
/** Without these nothing can be scored. */
export const NEEDED_FILES = ['config.json', 'tokenizer.json']

/** The graph file to load, relative to the model's folder, and the dtype that its name says. */
export interface ChosenGraph {
  readonly file: string
  readonly dtype: string
}

/** The small files that a folder has; names are relative to it. */
export function smallFilesOf(names: readonly string[]): string[] {
  return SMALL_FILES.filter((name) => names.includes(name))
}

/**
 * The graph that a dtype means among the files of a folder, `auto` the first that exists: the same choice as for a folder on disk. `genaiFile` is what
 * genai_config.json names, which `auto` prefers. Null when there is none.
 */
export function graphFileOf(names: readonly string[], dtype: string, genaiFile: string | null): ChosenGraph | null {
  if (dtype === 'auto' && genaiFile !== null && names.includes(genaiFile)) return { file: genaiFile, dtype: 'auto' }
  for (const name of dtype === 'auto' ? Object.keys(SUFFIX_BY_DTYPE) : [dtype]) {
    for (const stem of ['model', 'decoder_model_merged']) {
      const file = `${stem}${SUFFIX_BY_DTYPE[name]}.onnx`
      const found = [file, `onnx/${file}`].find((candidate) => names.includes(candidate))
      if (found !== undefined) return { file: found, dtype: name }
    }
  }
  return null
}

/** By name alone, the files that hold weights of a graph: `.onnx_data`, `.onnx_data_1`, ..., `.onnx.data`. */
export function likelyDataFiles(names: readonly string[], graphFile: string): string[] {
  return names.filter((name) => name.startsWith(graphFile) && /^(?:_data(?:_\d+)?|\.data)$/.test(name.slice(graphFile.length)))
}

/** `location` of external data, which is relative to the graph's folder, as a name in the model's folder. Throws when it leaves that folder. */
export function dataFileOf(graphFile: string, location: string): string {
  const name = posix.normalize(location)
  if (!posix.isAbsolute(name) && !/\\|^\.\.?(?:\/|$)/.test(name)) return posix.join(posix.dirname(graphFile), name)
  throw new ServiceError('model_invalid', `${graphFile} keeps weights outside its folder, which is not allowed`)
}

/** Why there is no graph, and what could be asked for instead. */
export function noGraph(where: string, names: readonly string[], dtype: string): ServiceError {
  const graphs = names.filter((name) => name.endsWith('.onnx'))
  const folders = [...new Set(graphs.map((name) => posix.dirname(name)).filter((folder) => folder !== '.' && folder !== 'onnx'))]
  const advice =
    graphs.length === 0
      ? 'it has no .onnx file at all: choose a repository with an ONNX export'
      : folders.length > 0
        ? `its graphs are in ${folders.slice(0, 8).join(', ')}: write the folder behind the id, as in organisation/name/${folders[0]}`
        : `it has ${graphs.slice(0, 12).join(', ')}: choose --dtype among these`
  return new ServiceError('model_invalid', `${where} has no model*.onnx for dtype ${dtype}; ${advice}`)
}
