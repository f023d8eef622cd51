import { constants, copyFileSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { openModelFolder } from '../../../src/model/folder/model-folder.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { writeOnnx } from '../../../src/model/onnx/write.ts'

export type GraphMutation = (graph: Graph) => Graph

export interface WriteOptions {
  /** Whether canary.json comes along, which holds the answers of the model as it was. */
  readonly canary?: boolean
  /** Name of the graph's file; it says the dtype, as in a folder of transformers.js. */
  readonly file?: string
}

/** The original model file in the new folder: only bytes that the graph points to. */
const WEIGHTS_FILE = 'weights.bin'

/**
 * Writes a model folder whose graph is `mutate` of another folder's and which the service opens as any other. The new
 * graph is a file of its own; weights are the same bytes under another name. Config and tokenizer files are copied.
 */
export function writeMutatedModel(sourceFolder: string, targetFolder: string, mutate: GraphMutation, options: WriteOptions = {}): void {
  const modelPath = realpathSync(openModelFolder(sourceFolder).onnxPath)
  const modelFile = basename(modelPath)
  const mutated = mutate(readOnnx(modelPath))

  copySideFiles(sourceFolder, targetFolder, options)
  // A copy, as onnx's own tools refuse weights with several hard links; free where the file system can share blocks.
  const copy = (from: string, to: string): void => copyFileSync(from, join(targetFolder, to), constants.COPYFILE_FICLONE)
  const pointsIntoModel = ({ location, value }: Graph['initializers'][number]): boolean => location === modelFile && !(value instanceof Uint8Array)
  const beside = new Set(mutated.initializers.flatMap(({ location, value }) => (location !== null && value instanceof Uint8Array ? [location] : [])))
  for (const file of beside) copy(join(dirname(modelPath), file), file)
  copy(modelPath, WEIGHTS_FILE)

  const initializers = mutated.initializers.map((initializer) => (pointsIntoModel(initializer) ? { ...initializer, location: WEIGHTS_FILE } : initializer))
  writeFileSync(join(targetFolder, options.file ?? 'model.onnx'), writeOnnx({ ...mutated, initializers }))
}

/** Config and tokenizer files of a model folder, and canary.json when it is wanted; no model file. */
export function copySideFiles(sourceFolder: string, targetFolder: string, { canary = false }: Pick<WriteOptions, 'canary'>): void {
  mkdirSync(targetFolder, { recursive: true })
  const files = readdirSync(sourceFolder).filter((file) => /\.(?:json|jinja|txt|model)$/.test(file) && (canary || file !== 'canary.json'))
  for (const file of files) copyFileSync(join(sourceFolder, file), join(targetFolder, file))
}
