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
/** Names of decoder graphs, the most useful first; `decoder_with_past_model` wants a past and is none. */
const BASES = ['model', 'decoder_model_merged', 'decoder_model']

/** The graph file to load, relative to the model's folder. */
export interface ChosenGraph {
  readonly file: string
  /** What its name says; null when it says nothing. */
  readonly dtype: string | null
}

/** The small files that a folder has; names are relative to it. */
export function smallFilesOf(names: readonly string[]): string[] {
  return SMALL_FILES.filter((name) => names.includes(name))
}

/** What is missing without which nothing can be scored. */
export function missingFiles(names: readonly string[]): string[] {
  const hasConfig = names.includes('config.json') || names.includes('genai_config.json')
  return [...(hasConfig ? [] : ['config.json']), ...(names.includes('tokenizer.json') ? [] : ['tokenizer.json'])]
}

/**
 * The graph that a dtype means among the files of a folder, `auto` the first there is: the same choice as for a folder on disk. `genaiFile` is what
 * genai_config.json names. Null when there is none.
 */
export function graphFileOf(names: readonly string[], dtype: string, genaiFile: string | null): ChosenGraph | null {
  const graphs = names.filter((name) => /^(?:onnx\/)?[^/]+\.onnx$/.test(name))
  const candidates = candidatesOf(graphs, genaiFile)
  return (dtype === 'auto' ? candidates[0] : candidates.find((candidate) => candidate.dtype === dtype)) ?? null
}

/** One a dtype, in the order of `auto`. A file of another name counts when genai_config.json names it or there is no second. */
function candidatesOf(graphs: readonly string[], genaiFile: string | null): ChosenGraph[] {
  const named = Object.entries(SUFFIX_BY_DTYPE).flatMap(([dtype, suffix]) => {
    const files = BASES.flatMap((base) => [`${base}${suffix}.onnx`, `onnx/${base}${suffix}.onnx`])
    const file = files.find((candidate) => graphs.includes(candidate))
    return file === undefined ? [] : [{ file, dtype }]
  })
  if (genaiFile !== null && graphs.includes(genaiFile) && !named.some(({ file }) => file === genaiFile)) return [{ file: genaiFile, dtype: null }, ...named]
  if (named.length > 0) return named
  return graphs.length === 1 ? graphs.map((file) => ({ file, dtype: null })) : []
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
