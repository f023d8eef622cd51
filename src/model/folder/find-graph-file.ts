import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../../errors.ts'

/** The graph file of a model folder, and why it was chosen. */
export interface GraphFile {
  readonly onnxPath: string
  /** The dtype in its name; null when it has none. */
  readonly namedDtype: Dtype | null
  /** For people: which files there were, and what decided. */
  readonly why: string
}

interface Candidate {
  /** Relative to the folder. */
  readonly file: string
  readonly dtype: Dtype | null
}

/** Names of decoder graphs, the preferred first. `decoder_with_past_model` is excluded, because it requires a past. */
const BASES = ['model', 'decoder_model_merged', 'decoder_model']

/**
 * The graph file for a dtype; for `auto` the first of AUTO_ORDER. `genaiFile` is the graph that genai_config.json
 * names. Throws `model_invalid` naming the dtypes that the folder has.
 */
export function findGraphFile(folder: string, dtype: string, genaiFile: string | null = null): GraphFile {
  const files = ['', 'onnx'].flatMap((inner) => onnxFilesOf(folder, inner))
  if (genaiFile !== null && !files.includes(genaiFile))
    throw new ServiceError('model_invalid', `${basename(folder)}/genai_config.json names ${genaiFile}, which does not exist: download it`)
  const candidates = graphCandidates(files, genaiFile)
  if (candidates.length === 0) throw nothingToLoad(folder, files)

  const chosen = dtype === 'auto' ? candidates[0] : candidates.find((each) => each.dtype === dtype)
  const present = candidates.map(({ file, dtype: named }) => `${named ?? 'dtype not in the name'} (${file})`).join(', ')
  if (chosen === undefined) throw new ServiceError('model_invalid', `${basename(folder)} has no file for dtype ${dtype}; there are ${present}`)
  return { onnxPath: join(folder, chosen.file), namedDtype: chosen.dtype, why: reasonFor(dtype, candidates, present) }
}

function reasonFor(dtype: string, candidates: readonly Candidate[], present: string): string {
  if (dtype !== 'auto') return `--dtype ${dtype}`
  return candidates.length === 1 ? 'auto: the only graph there is' : `auto: first in order of exactness among ${present}`
}

/**
 * The usable graphs, one per dtype, in the order of `auto`. A file with another name counts if it is the only one or
 * genai names it.
 */
export function graphCandidates(files: readonly string[], genaiFile: string | null): Candidate[] {
  const named = files.flatMap((file) => {
    const parts = partsOfFileName(basename(file))
    return parts === null || !BASES.includes(parts.base) ? [] : [{ file, ...parts }]
  })
  const best = AUTO_ORDER.flatMap((dtype) => {
    const same = named.filter((each) => each.dtype === dtype)
    // Sorting is stable, so of two files with the same base the one outside onnx/ stays first.
    return same.toSorted((a, b) => BASES.indexOf(a.base) - BASES.indexOf(b.base)).slice(0, 1)
  })
  if (best.length > 0 && (genaiFile === null || best.some(({ file }) => file === genaiFile))) return best
  if (genaiFile !== null) return [{ file: genaiFile, dtype: null }, ...best]
  const strange = files.filter((file) => partsOfFileName(basename(file)) === null)
  return strange.length === 1 ? [{ file: strange[0]!, dtype: null }] : []
}

function onnxFilesOf(folder: string, inner: string): string[] {
  if (!existsSync(join(folder, inner))) return []
  return readdirSync(join(folder, inner))
    .filter((file) => file.endsWith('.onnx'))
    .sort()
    .map((file) => join(inner, file))
}

function nothingToLoad(folder: string, files: readonly string[]): ServiceError {
  const name = basename(folder)
  if (files.some((file) => partsOfFileName(basename(file))?.base === 'decoder_with_past_model'))
    return new ServiceError(
      'model_unsupported',
      `${name} has only decoder_with_past_model, which needs a past that another graph computes: add decoder_model.onnx, decoder_model_merged.onnx or model.onnx`
    )
  if (files.length > 0)
    return new ServiceError('model_invalid', `${name} has graphs with names unknown to logpr, ${files.join(', ')}: name the path of one of them as the model`)
  const weights = readdirSync(folder).some((file) => /\.(safetensors|bin|gguf|pt)$/.test(file))
  const hint = weights ? '; it has weights in another format: export the model, for example with optimum-cli export onnx' : ''
  return new ServiceError('model_invalid', `${name} has no model*.onnx, nor onnx/model*.onnx, nor a file that genai_config.json names${hint}`)
}

/** File-name suffix of each dtype in transformers.js. Source: its utils/dtypes.js. */
const SUFFIX_BY_DTYPE = {
  fp32: '',
  fp16: '_fp16',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
  q2: '_q2',
  q2f16: '_q2f16',
  q1: '_q1',
  q1f16: '_q1f16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8'
} as const

export type Dtype = keyof typeof SUFFIX_BY_DTYPE

/**
 * The order in which `auto` looks for files: unrounded weights; then weight-only quantization from the finest down,
 * whose rows still depend only on earlier tokens; last dynamic 8-bit quantization, whose rows do not (decision 0009).
 */
const AUTO_ORDER = Object.keys(SUFFIX_BY_DTYPE) as readonly Dtype[]

/** Values of `--dtype`. */
export const DTYPES = ['auto', ...AUTO_ORDER] as const

/** The two parts of a name such as `decoder_model_merged_quantized.onnx`; null for a name that no known layout uses. */
export function partsOfFileName(file: string): { readonly base: string; readonly dtype: Dtype } | null {
  const [, base, suffix] = /^(model|decoder_model_merged|decoder_model|decoder_with_past_model)(_\w+)?\.onnx$/.exec(file) ?? []
  const dtype = AUTO_ORDER.find((name) => SUFFIX_BY_DTYPE[name] === (suffix ?? ''))
  return base === undefined || dtype === undefined ? null : { base, dtype }
}
