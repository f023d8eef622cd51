import { realpathSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { ServiceError } from '../../errors.ts'
import type { Graph } from '../onnx/graph.ts'
import { readOnnx } from '../onnx/read.ts'
import { WireError } from '../onnx/wire.ts'
import { assertRegularFile, commonFolder, type DataFile, dataFileAt, locationIn, shownName } from './data-files.ts'
import { foreignKind, HEAD_BYTES, headOf } from './foreign-file.ts'
import { relocate } from './relocate.ts'
import { type StoredTensor, storedTensors } from './stored-tensors.ts'
import { declarationFault, duplicateFault, extentFault, tensorName } from './tensor-faults.ts'

interface GraphSource {
  /** The .onnx file in the model folder, which may be a link. */
  readonly onnxPath: string
  /** The folder that its data files must be in; the .onnx file's folder when absent. */
  readonly modelFolder?: string | undefined
  /** Real paths from an earlier start, by name in the model folder; they take precedence over where links lead now. */
  readonly realPaths?: Readonly<Record<string, string>> | undefined
}

/** A graph whose tensors were all found in their files. */
export interface OpenGraph {
  readonly graph: Graph
  /** The .onnx file, then its data files by name. */
  readonly files: readonly DataFile[]
  /** The folder that contains all files, with links resolved; onnxruntime reads them relative to it. */
  readonly folder: string
  /** The file that a tensor's location names; null is the model file itself. */
  pathOf(location: string | null): string | undefined
  /** A graph derived from this one, with the locations of its weights relative to `folder`. */
  located(graph: Graph): Graph
  /** The same with another graph, and with one more data file at any path, which tensors name by `location`. */
  withData(graph: Graph, location: string, path: string): OpenGraph
}

/**
 * Reads the graph of an ONNX file and checks, without reading weights, that every tensor is in a regular file of the
 * model, with as many bytes as its dims and data type need. Throws `model_invalid` with file, tensor, expected and
 * found bytes, and the remedy.
 */
export function openGraph(source: GraphSource): OpenGraph {
  const shown = basename(source.onnxPath)
  const modelFolder = source.modelFolder ?? dirname(source.onnxPath)
  const named = shownName(source.onnxPath, { onnxPath: source.onnxPath, modelFolder })
  const known = source.realPaths ?? {}
  assertRegularFile(known[named] ?? source.onnxPath, shown)
  const realOnnxPath = known[named] ?? realpathSync(source.onnxPath)
  assertOnnxLike(realOnnxPath, shown)
  const graph = readOnnx(realOnnxPath, shown)
  const tensors = tensorsOf(graph, shown)
  const fault = duplicateFault(tensors, shown) ?? firstOf(tensors, (tensor) => declarationFault(tensor, shown))
  if (fault !== null) throw new ServiceError('model_invalid', fault)

  const place = { onnxPath: source.onnxPath, realOnnxPath, modelFolder }
  const byLocation = new Map<string, DataFile>()
  for (const tensor of tensors) {
    if (tensor.storage.kind !== 'external') continue
    const { location } = tensor.storage
    const user = `${tensorName(tensor)} of ${shown}`
    const file = byLocation.get(location ?? '') ?? dataFileAt(location, user, place, known)
    byLocation.set(location ?? '', file)
    assertHolds(file, tensor, shown)
  }
  const data = [...byLocation.values()].filter(({ path }) => path !== realOnnxPath).sort((a, b) => (a.file < b.file ? -1 : 1))
  const files = [
    { file: named, path: realOnnxPath, sizeBytes: statSync(realOnnxPath).size },
    ...data.filter(({ path }, i) => data.findIndex((other) => other.path === path) === i)
  ]
  return opened(graph, files, new Map([...byLocation].map(([location, { path }]) => [location, path])))
}

function opened(graph: Graph, files: readonly DataFile[], paths: ReadonlyMap<string, string>): OpenGraph {
  const modelFile = files[0]?.path ?? ''
  const folder = commonFolder([modelFile, ...paths.values()])
  const locations = {
    modelFile: locationIn(folder, modelFile),
    dataFiles: new Map([...paths].map(([location, path]) => [location, locationIn(folder, path)]))
  }
  return {
    graph,
    files,
    folder,
    pathOf: (location) => (location === null ? modelFile : paths.get(location)),
    located: (changed) => relocate(changed, locations),
    withData: (changed, location, path) => opened(changed, files, new Map([...paths, [location, path]]))
  }
}

function assertOnnxLike(path: string, shown: string): void {
  const foreign = foreignKind(headOf(path))
  if (foreign !== null) throw new ServiceError('model_invalid', `${shown} ${foreign}`)
}

function assertHolds(file: DataFile, tensor: StoredTensor, modelFile: string): void {
  const fault = extentFault(tensor, modelFile, basename(file.file), file.sizeBytes)
  if (fault === null) return
  const foreign = file.sizeBytes > HEAD_BYTES * 16 ? null : foreignKind(headOf(file.path))
  throw new ServiceError('model_invalid', foreign === null ? fault : `${basename(file.file)} ${foreign}`)
}

function tensorsOf(graph: Graph, shown: string): StoredTensor[] {
  try {
    return storedTensors(graph)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    throw new ServiceError('model_invalid', `${shown} has a damaged tensor: ${error.message}; download it again`, { cause: error })
  }
}

function firstOf<T>(entries: readonly T[], faultOf: (entry: T) => string | null): string | null {
  for (const entry of entries) {
    const fault = faultOf(entry)
    if (fault !== null) return fault
  }
  return null
}
