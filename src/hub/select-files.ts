import { readFileSync } from 'node:fs'
import { basename, posix } from 'node:path'
import { ServiceError } from '../errors.ts'
import { graphCandidates } from '../model/folder/find-graph-file.ts'
import { readOnnx } from '../model/onnx/read.ts'

/** The files besides the weights that logpr uses if the folder has them. */
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

/** Newer versions of transformers keep the templates that are not the default one in files. */
const NAMED_CHAT_TEMPLATE = /^additional_chat_templates\/[^/]+\.jinja$/

/** The graph file to load, relative to the model's folder. */
export interface ChosenGraph {
  readonly file: string
  /** The dtype in its name; null when it has none. */
  readonly dtype: string | null
}

/** The small files of a folder; names are relative to it. */
export function smallFilesOf(names: readonly string[]): string[] {
  return [...SMALL_FILES.filter((name) => names.includes(name)), ...names.filter((name) => NAMED_CHAT_TEMPLATE.test(name))]
}

/** The files that every model needs and that are missing. */
export function missingFiles(names: readonly string[]): string[] {
  const hasConfig = names.includes('config.json') || names.includes('genai_config.json')
  return [...(hasConfig ? [] : ['config.json']), ...(names.includes('tokenizer.json') ? [] : ['tokenizer.json'])]
}

/**
 * The graph file of a dtype among the names of a folder; for `auto` the first. The choice is the same as for a folder
 * on disk. `genaiFile` is the graph that genai_config.json names. Null when there is none.
 */
export function graphFileOf(names: readonly string[], dtype: string, genaiFile: string | null): ChosenGraph | null {
  const graphs = names.filter((name) => /^(?:onnx\/)?[^/]+\.onnx$/.test(name))
  // Files outside onnx/ come first, as on disk.
  const ordered = graphs.toSorted((a, b) => a.split('/').length - b.split('/').length)
  const candidates = graphCandidates(ordered, genaiFile !== null && names.includes(genaiFile) ? genaiFile : null)
  const chosen = dtype === 'auto' ? candidates[0] : candidates.find((each) => each.dtype === dtype)
  return chosen === undefined ? null : { file: chosen.file, dtype: chosen.dtype }
}

/** The data files of a graph, guessed from names: `.onnx_data`, `.onnx_data_1`, ..., `.onnx.data`. */
export function likelyDataFiles(names: readonly string[], graphFile: string): string[] {
  return names.filter((name) => name.startsWith(graphFile) && /^(?:_data(?:_\d+)?|\.data)$/.test(name.slice(graphFile.length)))
}

/**
 * The location of external data, relative to the graph's folder, as a name in the model's folder. Throws
 * `model_invalid` when it leaves that folder.
 */
export function dataFileOf(graphFile: string, location: string): string {
  const name = posix.normalize(location)
  if (!posix.isAbsolute(name) && !/\\|^\.\.?(?:\/|$)/.test(name)) return posix.join(posix.dirname(graphFile), name)
  throw new ServiceError('model_invalid', `${graphFile} keeps weights outside its folder: choose another repository`)
}

/** The error for a folder without a graph of the dtype, with alternatives. */
export function noGraph(where: string, names: readonly string[], dtype: string): ServiceError {
  const graphs = names.filter((name) => name.endsWith('.onnx'))
  const folders = [...new Set(graphs.map((name) => posix.dirname(name)).filter((folder) => folder !== '.' && folder !== 'onnx'))]
  const advice =
    graphs.length === 0
      ? 'it has no .onnx file: choose a repository with an ONNX export'
      : folders.length > 0
        ? `its graphs are in ${folders.slice(0, 8).join(', ')}: add the folder to the id, as in organisation/name/${folders[0]}`
        : `it has ${graphs.slice(0, 12).join(', ')}: choose --dtype among these`
  return new ServiceError('model_invalid', `${where} has no model*.onnx for dtype ${dtype}; ${advice}`)
}

/**
 * The data files of a graph, as names in the model's folder. Throws `model_invalid` when it cannot be read or a file is
 * outside the folder.
 */
export function dataFilesOf(path: string, graphFile: string): string[] {
  const locations = readOnnx(path).initializers.map(({ location }) => location)
  const outside = locations.filter((location): location is string => location !== null && location !== basename(path))
  return [...new Set(outside)].map((location) => dataFileOf(graphFile, location))
}

/** The graph that genai_config.json names; null when the file is missing, unreadable or names none. */
export function genaiGraphFile(path: string): string | null {
  try {
    const config = JSON.parse(readFileSync(path, 'utf8')) as { model?: { decoder?: { filename?: unknown } } } | null
    const filename = config?.model?.decoder?.filename
    return typeof filename === 'string' ? filename : null
  } catch {
    return null
  }
}
