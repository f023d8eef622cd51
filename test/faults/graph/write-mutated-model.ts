import { constants, copyFileSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { openModelFolder } from '../../../src/model/folder/model-folder.ts'
import type { Graph } from '../../../src/model/onnx/graph.ts'
import { readOnnx } from '../../../src/model/onnx/read.ts'
import { writeOnnx } from '../../../src/model/onnx/write.ts'

export type GraphMutation = (graph: Graph) => Graph

export interface WriteOptions {
  /** Whether to copy canary.json, which holds the answers of the original model. */
  readonly canary?: boolean
  /** Name of the graph file, which indicates the dtype as in a folder of transformers.js. */
  readonly file?: string
}

/** The original model file in the new folder, which the new graph uses as a data file. */
const WEIGHTS_FILE = 'weights.bin'

/**
 * Writes a model folder with the graph of another folder after `mutate`. The service opens it like any other. The new
 * graph is a separate file; the weights are a copy under another name. Config and tokenizer files are copied.
 */
export function writeMutatedModel(sourceFolder: string, targetFolder: string, mutate: GraphMutation, options: WriteOptions = {}): void {
  const modelPath = realpathSync(openModelFolder(sourceFolder).onnxPath)
  const modelFile = basename(modelPath)
  const mutated = mutate(readOnnx(modelPath))

  copySideFiles(sourceFolder, targetFolder, options)
  // A copy, because the onnx tools reject weights with several hard links. It is free on file systems that share
  // blocks.
  const copy = (from: string, to: string): void => copyFileSync(from, join(targetFolder, to), constants.COPYFILE_FICLONE)
  const pointsIntoModel = ({ location, value }: Graph['initializers'][number]): boolean => location === modelFile && !(value instanceof Uint8Array)
  const beside = new Set(mutated.initializers.flatMap(({ location, value }) => (location !== null && value instanceof Uint8Array ? [location] : [])))
  for (const file of beside) copy(join(dirname(modelPath), file), file)
  copy(modelPath, WEIGHTS_FILE)

  const initializers = mutated.initializers.map((initializer) => (pointsIntoModel(initializer) ? { ...initializer, location: WEIGHTS_FILE } : initializer))
  writeFileSync(join(targetFolder, options.file ?? 'model.onnx'), writeOnnx({ ...mutated, initializers }))
}

/** Copies the config and tokenizer files of a model folder, and canary.json if requested, but no model file. */
export function copySideFiles(sourceFolder: string, targetFolder: string, { canary = false }: Pick<WriteOptions, 'canary'>): void {
  mkdirSync(targetFolder, { recursive: true })
  const files = readdirSync(sourceFolder).filter((file) => /\.(?:json|jinja|txt|model)$/.test(file) && (canary || file !== 'canary.json'))
  for (const file of files) copyFileSync(join(sourceFolder, file), join(targetFolder, file))
}
