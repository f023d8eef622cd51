import { accessSync, constants, lstatSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { ServiceError } from '../../errors.ts'

/** The paths of a model. */
interface ModelPlace {
  /** The .onnx file in the model folder, which may be a link. */
  readonly onnxPath: string
  /** The same with links resolved. */
  readonly realOnnxPath: string
  /** The folder that its data files must be in. */
  readonly modelFolder: string
}

export interface DataFile {
  /** Relative to the model folder: `onnx/model.onnx_data`. */
  readonly file: string
  /** The regular file, with links resolved. */
  readonly path: string
  readonly sizeBytes: number
}

/**
 * The file that a tensor's location names. It must be a regular file in the model folder. In a Hugging Face cache it
 * may also be a blob of the repository or of the cache's shared store; when the .onnx file is a link, also a file
 * beside the linked one.
 *
 * `user` names the tensor in messages; `known` holds real paths by name, from an earlier start. Throws `model_invalid`
 * saying what the file is instead and what to do.
 */
export function dataFileAt(location: string | undefined, user: string, place: ModelPlace, known: Readonly<Record<string, string>> = {}): DataFile {
  const fault = locationFault(location)
  const shown = JSON.stringify(location ?? '')
  if (fault !== null || location === undefined)
    throw refusal(`${user} keeps its data in ${shown}, which ${fault}: external data must be a file in the model's folder; download the model again`)

  const besideLink = join(dirname(place.onnxPath), location)
  const besideFile = join(dirname(place.realOnnxPath), location)
  const named = entryAt(besideLink) === undefined && entryAt(besideFile) !== undefined ? besideFile : besideLink
  const file = shownName(named, place)
  const path = known[file] ?? realPathOf(named, location, user)
  if (!foldersOf(place).some((folder) => isInside(path, folder)))
    throw refusal(
      `${location}, where ${user} keeps its data, is a link to a place outside the model's folder${cacheBlobsFolders(realFolder(place)).length === 0 ? '' : " and its cache's blobs"}: put the file itself there`
    )
  const sizeBytes = assertRegularFile(path, `${location}, where ${user} keeps its data,`)
  // The blobs of a cache are named by their hash, and tools that share disk space between caches link them. After the
  // first start, a backup may link a file.
  if (known[file] === undefined && statSync(path).nlink > 1 && !cacheBlobsFolders(realFolder(place)).some((blobs) => isInside(path, blobs)))
    throw refusal(
      `${location}, where ${user} keeps its data, is a hard link: it is also a file of another name, which can be outside the model's folder; put a copy there`
    )
  return { file, path, sizeBytes }
}

/**
 * The size of a regular file in bytes. Throws `model_invalid` for anything else and for a file that may not be read.
 * Opens nothing, because opening a named pipe would block.
 */
export function assertRegularFile(path: string, shown: string): number {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined)
    throw refusal(`${shown} ${entryAt(path) === undefined ? 'does not exist' : 'is a link to a file that does not exist'}: download the model again`)
  if (!stats.isFile()) throw refusal(`${shown} is ${kindOf(stats)} instead of a file: download the model again`)
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    throw refusal(`${shown} cannot be read by the user of this service: change its owner or mode`, error)
  }
  return stats.size
}

/** Folders that data files may be in, with links resolved. */
function foldersOf(place: ModelPlace): string[] {
  const folder = realFolder(place)
  const blobs = cacheBlobsFolders(folder)
  // Outside a cache, the .onnx file may be a link to a model elsewhere; in a cache, links lead only to blobs.
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
    const gone = entryAt(path) === undefined ? 'does not exist' : 'is a link to a file that does not exist'
    const what = code === 'ENOENT' || code === 'ENOTDIR' ? gone : code === 'ELOOP' ? 'is a link to itself' : `cannot be reached (${code})`
    throw refusal(`${location}, where ${user} keeps its data, ${what}: download the model again, with every file beside its .onnx file`, error)
  }
}

/** The name of a file relative to the model folder, or to the .onnx file's folder when that is elsewhere. */
export function shownName(path: string, { modelFolder, onnxPath }: Pick<ModelPlace, 'modelFolder' | 'onnxPath'>): string {
  const name = relative(modelFolder, path)
  return (name.startsWith('..') ? relative(dirname(onnxPath), path) : name).split(sep).join('/')
}

function isInside(path: string, folder: string): boolean {
  return path !== folder && isAtOrBelow(path, folder)
}

function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    // The name is too long, or the folder may not be read.
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
 * Why a location is not allowed, as the end of a sentence; null for a relative path that stays inside the model's
 * folder. Does not look at the file system.
 */
export function locationFault(location: string | undefined): string | null {
  if (location === undefined || location === '') return 'names no file'
  if (location.includes('\0')) return 'contains a NUL character'
  if (/^[a-z][a-z0-9+.-]+:/i.test(location)) return 'is a URL'
  if (/^(?:[/\\]|[a-z]:)/i.test(location)) return 'is an absolute path'
  if (location.split(/[\\/]/).includes('..')) return 'leaves the model\'s folder through ".."'
  return null
}

/**
 * The folders that links in a snapshot of a Hugging Face cache (.../models--org--name/snapshots/REV, or a folder in it)
 * may lead to: the blobs of the repository, and the store that all repositories of the cache share. Empty for other
 * folders.
 */
export function cacheBlobsFolders(folder: string): string[] {
  const [, cache, repository] = /^(.*)([\\/](?:models|datasets|spaces)--[^\\/]+)[\\/]snapshots[\\/][^\\/]+(?:[\\/].*)?$/.exec(folder) ?? []
  return repository === undefined ? [] : [`${cache}${repository}/blobs`, `${cache}/blobs`]
}

/** The deepest folder that contains all files, given as absolute paths. Throws RangeError for no files. */
export function commonFolder(paths: readonly string[]): string {
  const [first, ...rest] = paths.map((path) => dirname(path))
  if (first === undefined) throw new RangeError('no files have no common folder')
  return rest.reduce((common, folder) => {
    let shared = common
    while (!isAtOrBelow(folder, shared)) shared = dirname(shared)
    return shared
  }, first)
}

/** A file in the folder as ONNX names it: relative, with forward slashes. */
export function locationIn(folder: string, path: string): string {
  return relative(folder, path).split(sep).join('/')
}

function isAtOrBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !/^[a-z]:/i.test(way))
}
