import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { ServiceError } from '../errors.ts'

/** File-name suffix of each dtype, as transformers.js names the files of a model folder. */
export const SUFFIX_BY_DTYPE: Readonly<Record<string, string>> = {
  fp32: '',
  fp16: '_fp16',
  int8: '_int8',
  uint8: '_uint8',
  q8: '_quantized',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4'
}
export const DTYPES = ['auto', ...Object.keys(SUFFIX_BY_DTYPE)] as const

/** A causal language model in a folder of the Hugging Face layout. */
export interface ModelFolder {
  /** What requests call it: the folder's name. */
  readonly id: string
  readonly folder: string
  readonly onnxPath: string
  readonly dtype: string
  readonly architecture: string
  /** Most tokens a sequence may have, prefix token included. */
  readonly maxModelLen: number
  readonly vocabSize: number
  readonly headSize: number
}

interface Config {
  readonly [key: string]: unknown
}

/** Reads what a folder says of itself; loads no weights. Throws `model_invalid` naming what is missing. */
export function openModelFolder(path: string, dtype = 'auto'): ModelFolder {
  const folder = resolve(path)
  if (!existsSync(folder)) throw new ServiceError('model_invalid', `there is no model folder ${path}`)
  const config = readJson(folder, 'config.json')
  const { onnxPath, dtype: chosen } = chooseFile(folder, dtype)
  const hiddenSize = firstNumber(config, ['hidden_size', 'n_embd', 'd_model'])
  const heads = firstNumber(config, ['num_attention_heads', 'n_head'])

  return {
    id: basename(folder),
    folder,
    onnxPath,
    dtype: chosen,
    architecture: String((config.architectures as string[] | undefined)?.[0] ?? config.model_type ?? 'unknown'),
    maxModelLen: required(folder, 'max_position_embeddings', firstNumber(config, ['max_position_embeddings', 'n_positions', 'n_ctx', 'max_sequence_length'])),
    vocabSize: required(folder, 'vocab_size', firstNumber(config, ['vocab_size'])),
    headSize: firstNumber(config, ['head_dim']) ?? Math.floor((hiddenSize ?? 0) / (heads ?? 1))
  }
}

function chooseFile(folder: string, dtype: string): { onnxPath: string; dtype: string } {
  const wanted = dtype === 'auto' ? Object.keys(SUFFIX_BY_DTYPE) : [dtype]
  for (const name of wanted) {
    const file = `model${SUFFIX_BY_DTYPE[name]}.onnx`
    for (const onnxPath of [join(folder, file), join(folder, 'onnx', file)]) if (existsSync(onnxPath)) return { onnxPath, dtype: name }
  }
  throw new ServiceError('model_invalid', `${basename(folder)} has no model*.onnx, nor onnx/model*.onnx, for dtype ${dtype}`)
}

function readJson(folder: string, file: string): Config {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    if (typeof value !== 'object' || value === null) throw new Error('it is not a JSON object')
    return value as Config
  } catch (error) {
    throw new ServiceError('model_invalid', `${basename(folder)}/${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
}

function firstNumber(config: Config, keys: readonly string[]): number | undefined {
  const key = keys.find((candidate) => typeof config[candidate] === 'number')
  return key === undefined ? undefined : (config[key] as number)
}

function required(folder: string, key: string, value: number | undefined): number {
  if (value === undefined) throw new ServiceError('model_invalid', `${basename(folder)}/config.json has no ${key}`)
  return value
}
