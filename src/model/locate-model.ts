import { existsSync } from 'node:fs'
import { ServiceError } from '../errors.ts'
import { type FolderReference, type ModelReference, onlyReference } from './model-reference.ts'

/** A model whose files are on this machine. */
export interface LocatedModel {
  /** The name by which requests call it. */
  readonly id: string
  /** The model folder, or an .onnx file in it. */
  readonly folder: string
  /** Commit of the hub repository; null for a local folder. */
  readonly revision: string | null
}

/**
 * Finds the files of a model. A local folder is answered at once; a hub model once its files are there, and until then
 * `onProgress` receives a sentence about the download, for `/readyz`.
 */
export type LocateModel = (reference: ModelReference, onProgress: (progress: string) => void) => LocatedModel | Promise<LocatedModel>

/** Throws `model_invalid` when the folder does not exist. */
export function locateFolder({ id, path }: FolderReference): LocatedModel {
  if (!existsSync(path)) throw new ServiceError('model_invalid', `there is no model folder ${path}`)
  return { id, folder: path, revision: null }
}

/** The one model that `--model` names, in a local folder. Throws `configuration_invalid` and `model_invalid`. */
export function locateOnlyFolder(value: string): LocatedModel {
  const reference = onlyReference(value)
  if (reference.kind === 'folder') return locateFolder(reference)
  throw new ServiceError('model_invalid', `there is no model folder ${reference.text}`)
}
