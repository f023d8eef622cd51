import { existsSync } from 'node:fs'
import { ServiceError } from '../errors.ts'
import { type ModelReference, onlyReference } from './model-reference.ts'

/** A model whose files are on this machine. */
export interface LocatedModel {
  /** What requests call it. */
  readonly id: string
  readonly folder: string
  /** Commit of the hub's repository; null for a folder of one's own. */
  readonly revision: string | null
}

/**
 * Finds the files of a model. A folder is there at once or never; a model that has to be fetched comes later, and
 * `onProgress` is told meanwhile how far it is, in words for `/readyz`.
 */
export type LocateModel = (reference: ModelReference, onProgress: (progress: string) => void) => LocatedModel | Promise<LocatedModel>

/** A model in a folder. Throws `model_invalid` when there is none. */
export function locateFolder({ id, reference }: ModelReference): LocatedModel {
  if (!existsSync(reference)) throw new ServiceError('model_invalid', `there is no model folder ${reference}`)
  return { id, folder: reference, revision: null }
}

/** The one model that `--model` names, in a folder. Throws `configuration_invalid` and `model_invalid`. */
export function locateOnlyFolder(value: string): LocatedModel {
  return locateFolder(onlyReference(value))
}
