import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readOnnx } from '../../src/model/onnx/read.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { externalTensor } from './external-data.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/** The embedded model in the layout of large models: weights in `parts` files beside model.onnx, and no canary.json. */
export function splitEmbeddedModel(parts: number): Record<string, Uint8Array> {
  const path = join(EMBEDDED, 'model.onnx')
  const whole = readFileSync(path)
  const graph = readOnnx(path)
  const data: Buffer[][] = Array.from({ length: parts }, () => [])
  const initializers = graph.initializers.map((initializer, i) => {
    const { name, dims, dataType, value } = initializer
    if (value instanceof Uint8Array) return initializer
    const part = i % parts
    const chunks = data[part] ?? []
    const offset = chunks.reduce((sum, { length }) => sum + length, 0)
    chunks.push(whole.subarray(value.offset, value.offset + value.length))
    return externalTensor(name, dims, dataType, { location: dataName(part), offset: String(offset), length: String(value.length) })
  })
  return {
    ...Object.fromEntries(['config.json', 'tokenizer.json', 'tokenizer_config.json'].map((file) => [file, readFileSync(join(EMBEDDED, file))])),
    'model.onnx': writeOnnx({ ...graph, initializers }),
    ...Object.fromEntries(data.map((chunks, part) => [dataName(part), Buffer.concat(chunks)]))
  }
}

function dataName(part: number): string {
  return part === 0 ? 'model.onnx_data' : `model.onnx_data_${part}`
}
