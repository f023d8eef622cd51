import { FLOAT } from '../../../src/model/onnx/data-types.ts'
import { writeOnnx } from '../../../src/model/onnx/write.ts'
import { graphOf, tinyModel } from '../onnx-model.ts'
import type { FileContents } from './repository.ts'

/** Large enough for a body of several chunks. */
const WEIGHT_BYTES = 600_000

/** Bytes that do not repeat and depend on the seed. */
export function fixedBytes(sizeBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  let state = seed
  for (let i = 0; i < sizeBytes; i++) {
    state = (state * 48271) % 2147483647
    bytes[i] = state
  }
  return bytes
}

/** A graph with its only large weight in another file. */
export function graphWithData(location: string, sizeBytes = WEIGHT_BYTES): Uint8Array {
  const { graph } = tinyModel(4, 2)
  return writeOnnx(
    graphOf({
      ...graph,
      initializers: [...graph.initializers, { name: 'far', dims: [sizeBytes / 4], dataType: FLOAT, location, value: { offset: 0, length: sizeBytes } }]
    })
  )
}

/** The file on which most faults are planted. */
export const WEIGHTS = fixedBytes(WEIGHT_BYTES)

/** A repository as exporters publish it: weights beside the graph, and more files than logpr needs. */
export const MODEL_FILES: FileContents = {
  'README.md': '# A model',
  'config.json': '{"vocab_size": 4, "max_position_embeddings": 8}',
  'tokenizer.json': '{"version": "1.0"}',
  'tokenizer_config.json': '{}',
  'model.safetensors': fixedBytes(1000, 2),
  'onnx/model.onnx': graphWithData('model.onnx_data'),
  'onnx/model.onnx_data': WEIGHTS,
  'onnx/model_q4.onnx': writeOnnx(tinyModel(4, 2).graph),
  'onnx/model_fp16.onnx': graphWithData('model_fp16.onnx_data'),
  'onnx/model_fp16.onnx_data': fixedBytes(WEIGHT_BYTES, 3)
}

/** The files that the default dtype needs. */
export const NEEDED = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx', 'onnx/model.onnx_data']
