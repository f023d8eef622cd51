import { accessSync, constants, lstatSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { ServiceError } from '../../errors.ts'

/** Where a model file lies, and the folder that its data has to be in. */
interface ModelPlace {
  /** The .onnx file as the model folder names it: perhaps a link. */
  readonly onnxPath: string
  /** The file behind it. */
  readonly realOnnxPath: string
  readonly modelFolder: string
}

export interface DataFile {
  /** As in the model folder: `onnx/model.onnx_data`. */
  readonly file: string
  /** The regular file behind it, whatever links lead there. */
  readonly path: string
  readonly sizeBytes: number
}

/**
 * The file that a tensor's location names. It must be a regular file in the model's folder or, in a Hugging Face cache, among
 * the blobs of its repository or of the store that repositories share; where the .onnx file is a link elsewhere, also beside the file behind it.
 *
 * Throws `model_invalid` saying what it is instead and what to do. `user` is the tensor that wants it, for messages; `known`
 * are real paths by name that an earlier start found.
 */
export function dataFileAt(location: string | undefined, user: string, place: ModelPlace, known: Readonly<Record<string, string>> = {}): DataFile {
  const fault = locationFault(location)
  const shown = JSON.stringify(location ?? '')
  if (fault !== null || location === undefined)
    throw refusal(
      `${user} keeps its data in ${shown}, which ${fault}: external data must be a file below the model's folder; take the model from its source again`
    )

  const besideLink = join(dirname(place.onnxPath), location)
  const besideFile = join(dirname(place.realOnnxPath), location)
  const named = entryAt(besideLink) === undefined && entryAt(besideFile) !== undefined ? besideFile : besideLink
  const file = shownName(named, place)
  const path = known[file] ?? realPathOf(named, location, user)
  if (!foldersOf(place).some((folder) => isInside(path, folder)))
    throw refusal(
      `${location}, where ${user} keeps its data, is a link to a place outside the model's folder${cacheBlobsFolders(realFolder(place)).length === 0 ? '' : " and its cache's blobs"}: put the file itself there`
    )
  return { file, path, sizeBytes: assertRegularFile(path, `${location}, where ${user} keeps its data,`) }
}

/**
 * The size of a file in bytes. Throws `model_invalid` unless the path leads to a regular file that may be read; nothing is
 * opened, as opening a named pipe would wait.
 */
export function assertRegularFile(path: string, shown: string): number {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined)
    throw refusal(`${shown} is ${entryAt(path) === undefined ? 'not there' : 'a link to a file that is not there'}: download the model again`)
  if (!stats.isFile()) throw refusal(`${shown} is ${kindOf(stats)} instead of a file: download the model again`)
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    throw refusal(`${shown} may not be read by the user of this service: change its owner or its mode`, error)
  }
  return stats.size
}

/** Folders that the data of a model may be in, links resolved. */
function foldersOf(place: ModelPlace): string[] {
  const folder = realFolder(place)
  const blobs = cacheBlobsFolders(folder)
  // The user's own link to a model elsewhere; in a cache, links lead to the blobs alone.
  if (blobs.length === 0) return [folder, dirname(place.realOnnxPath)]
  return [folder, ...blobs.filter((path) => entryAt(path) !== undefined).map((path) => realpathSync(path))]
}

function realFolder({ modelFolder }: ModelPlace): string {
  return realpathSync(modelFolder)
}

function realPathOf(path: string, location: string, user: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const gone = entryAt(path) === undefined ? 'is not there' : 'is a link to a file that is not there'
    const what = code === 'ENOENT' || code === 'ENOTDIR' ? gone : code === 'ELOOP' ? 'is a link to itself' : `cannot be reached (${code})`
    throw refusal(`${location}, where ${user} keeps its data, ${what}: download the model again, with every file beside its .onnx file`, error)
  }
}

/** The name of a file in the model folder, or beside the .onnx file should that lie elsewhere. */
export function shownName(path: string, { modelFolder, onnxPath }: Pick<ModelPlace, 'modelFolder' | 'onnxPath'>): string {
  const name = relative(modelFolder, path)
  return (name.startsWith('..') ? relative(dirname(onnxPath), path) : name).split(sep).join('/')
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`)
}

function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    // A name that is too long, or a folder that may not be looked into.
    return undefined
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a named pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}

function refusal(message: string, cause?: unknown): ServiceError {
  return new ServiceError('model_invalid', message, { cause })
}

/**
 * Why a model may not name this file, as the end of a sentence; null when it may: a relative path, with forward slashes,
 * that stays below the folder of the model. Says nothing of what lies there.
 */
export function locationFault(location: string | undefined): string | null {
  if (location === undefined || location === '') return 'names no file'
  if (location.includes('\0')) return 'has a NUL character in it'
  if (/^[a-z][a-z0-9+.-]+:/i.test(location)) return 'is a URL'
  if (/^(?:[/\\]|[a-z]:)/i.test(location)) return 'is an absolute path'
  if (location.split(/[\\/]/).includes('..')) return 'leaves the folder of the model by ".."'
  return null
}

/**
 * Where links of a snapshot in a Hugging Face cache (.../models--org--name/snapshots/REV, or a folder in it) may lead: the blobs
 * of the repository, and the store that all repositories of the cache share. Empty for other folders.
 */
export function cacheBlobsFolders(folder: string): string[] {
  const [, cache, repository] = /^(.*)([\\/](?:models|datasets|spaces)--[^\\/]+)[\\/]snapshots[\\/][^\\/]+(?:[\\/].*)?$/.exec(folder) ?? []
  return repository === undefined ? [] : [`${cache}${repository}/blobs`, `${cache}/blobs`]
}

/** The deepest folder that holds all of the files, which are absolute paths; at least one. */
export function commonFolder(paths: readonly string[]): string {
  const [first, ...rest] = paths.map((path) => dirname(path))
  if (first === undefined) throw new RangeError('there is no common folder of no files')
  return rest.reduce((common, folder) => {
    let shared = common
    while (!isAtOrBelow(folder, shared)) shared = dirname(shared)
    return shared
  }, first)
}

/** A file below the folder as ONNX names it: relative, with forward slashes. */
export function locationIn(folder: string, path: string): string {
  return relative(folder, path).split(sep).join('/')
}

function isAtOrBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !/^[a-z]:/i.test(way))
}
