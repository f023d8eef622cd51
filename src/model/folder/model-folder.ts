import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ServiceError } from '../../errors.ts'
import { type Dtype, findGraphFile, type GraphFile, partsOfFileName } from './find-graph-file.ts'
import { type ModelConfig, readModelConfig } from './model-config.ts'

/** A model folder, as its JSON files and file names describe it; `openModel` adds what the graph determines. */
export interface ModelFolder extends ModelConfig {
  /** The folder's name. */
  readonly id: string
  readonly folder: string
  readonly onnxPath: string
  /** From the file name; fp32 when it names none. */
  readonly dtype: string
  /** Why this file was chosen, for people. */
  readonly dtypeChoice: string
}

/**
 * Reads the JSON files and file names of a model folder; opens no graph. `path` is the folder, or an .onnx file in it
 * or in its `onnx`. `maxModelLen` lowers the context; 0 does not. Throws `model_invalid` or `model_unsupported` naming
 * what is missing.
 */
export function openModelFolder(path: string, dtype = 'auto', maxModelLen = 0): ModelFolder {
  const folder = folderOfModel(path)
  const config = readModelConfig(folder, maxModelLen)
  const target = resolve(path)
  const file = target === folder ? findGraphFile(folder, dtype, config.genaiFile) : namedFile(target, dtype)
  return { id: basename(folder), folder, onnxPath: file.onnxPath, dtype: file.namedDtype ?? 'fp32', dtypeChoice: file.why, ...config }
}

/** The model folder of a path to it or to an .onnx file in it. Throws `model_invalid` when the path does not exist. */
export function folderOfModel(path: string): string {
  const target = resolve(path)
  if (!existsSync(target)) throw new ServiceError('model_invalid', `there is no model folder ${path}`)
  return statSync(target).isDirectory() ? target : folderOf(target)
}

/** config.json is beside the graph, or one level up when the graph is in `onnx`. */
function folderOf(onnxPath: string): string {
  const folder = dirname(onnxPath)
  const hasConfig = ['config.json', 'genai_config.json'].some((file) => existsSync(join(folder, file)))
  return basename(folder) === 'onnx' && !hasConfig ? dirname(folder) : folder
}

function namedFile(onnxPath: string, dtype: string): GraphFile {
  const file = basename(onnxPath)
  if (!file.endsWith('.onnx')) throw new ServiceError('model_invalid', `${file} is not an .onnx file: name a model folder or an .onnx file`)
  const parts = partsOfFileName(file)
  if (parts?.base === 'decoder_with_past_model')
    throw new ServiceError('model_unsupported', `${file} needs a past that another graph computes: name decoder_model.onnx or decoder_model_merged.onnx`)
  const namedDtype: Dtype | null = parts?.dtype ?? null
  if (dtype !== 'auto' && dtype !== namedDtype)
    throw new ServiceError('configuration_invalid', `--dtype ${dtype} does not match the file ${file}: leave it out, or name the folder`)
  return { onnxPath, namedDtype, why: 'this file was asked for' }
}
