/** File-name suffix of each dtype, as transformers.js names the files of a model folder (its utils/dtypes.js). */
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
 * The order in which `auto` looks for files: the weights as they were trained; then those rounded, from the finest down, whose
 * rows still depend on earlier tokens alone; last the dynamic 8-bit ones, whose rows do not (decision 0009).
 */
export const AUTO_ORDER = Object.keys(SUFFIX_BY_DTYPE) as readonly Dtype[]

/** What `--dtype` may be. */
export const DTYPES = ['auto', ...AUTO_ORDER] as const

/** The two parts of a name such as `decoder_model_merged_quantized.onnx`; null when it is not one of the layouts' names. */
export function partsOfFileName(file: string): { readonly base: string; readonly dtype: Dtype } | null {
  const [, base, suffix] = /^(model|decoder_model_merged|decoder_model|decoder_with_past_model)(_\w+)?\.onnx$/.exec(file) ?? []
  const dtype = AUTO_ORDER.find((name) => SUFFIX_BY_DTYPE[name] === (suffix ?? ''))
  return base === undefined || dtype === undefined ? null : { base, dtype }
}
