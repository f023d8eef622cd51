import { lstatSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../../errors.ts'
import { assertRegularFile } from '../weights/data-files.ts'
import { foreignKind } from '../weights/foreign-file.ts'
import { headOf } from '../weights/head-of-file.ts'

/** What a start reads besides the weights, where the folder has it. */
const READ_FILES = ['config.json', 'genai_config.json', 'tokenizer.json', 'tokenizer_config.json', 'canary.json']

export interface NamedFile {
  /** In the model folder. */
  readonly file: string
  readonly path: string
}

/** The configuration, tokenizer and known answers of a model folder, as far as it has them. */
export function textFilesOf(folder: string): NamedFile[] {
  return READ_FILES.filter((file) => exists(folder, file)).map((file) => ({ file, path: join(folder, file) }))
}

/**
 * Throws `model_invalid` when a file that a start needs is missing, or is something that cannot be read as text: before
 * anything opens it, as a named pipe would hold up whoever does. A folder that is not there is none of its business.
 */
export function assertTextFiles(folder: string): void {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return
  const name = basename(folder)
  if (!exists(folder, 'config.json') && !exists(folder, 'genai_config.json'))
    throw new ServiceError('model_invalid', `${name} has no config.json, which says what the model is: download it from where the .onnx file came from`)
  if (!exists(folder, 'tokenizer.json'))
    throw new ServiceError(
      'model_invalid',
      `${name} has no tokenizer.json, which turns text into token ids: download it from where the model came from, or write it with save_pretrained of a fast tokenizer in Python's transformers`
    )
  for (const { file, path } of textFilesOf(folder)) {
    assertRegularFile(path, `${name}/${file}`)
    const foreign = foreignKind(headOf(path))
    if (foreign !== null) throw new ServiceError('model_invalid', `${name}/${file} ${foreign}`)
  }
}

function exists(folder: string, file: string): boolean {
  return lstatSync(join(folder, file), { throwIfNoEntry: false }) !== undefined
}
