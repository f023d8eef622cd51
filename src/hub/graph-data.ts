import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { readOnnx } from '../model/onnx/read.ts'
import { dataFileOf } from './select-files.ts'

/** Files that hold weights of a graph, as names in the model's folder. Throws `model_invalid` when the graph cannot be read or points outside. */
export function dataFilesOf(path: string, graphFile: string): string[] {
  const locations = readOnnx(path).initializers.map(({ location }) => location)
  const outside = locations.filter((location): location is string => location !== null && location !== basename(path))
  return [...new Set(outside)].map((location) => dataFileOf(graphFile, location))
}

/** The graph that genai_config.json names; null when there is none or it cannot be read. */
export function genaiGraphFile(path: string): string | null {
  try {
    const config = JSON.parse(readFileSync(path, 'utf8')) as { model?: { decoder?: { filename?: unknown } } } | null
    const filename = config?.model?.decoder?.filename
    return typeof filename === 'string' ? filename : null
  } catch {
    return null
  }
}
