import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FLOAT, type Initializer } from '../../src/model/onnx/graph.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'
import { PACKAGE_FOLDER } from '../../src/package-info.ts'
import { type Gpt2Shape, gpt2Graph, gpt2Weights } from './gpt2-graph.ts'
import { RandomNormal } from './random-normal.ts'

const WEIGHTS_FILE = 'model.onnx_data'
/** Offsets that a file can be mapped at. */
const ALIGNMENT = 4096
/** Floats made and written at once. */
const CHUNK_FLOATS = 1 << 20
/** Standard deviation that GPT-2 was initialised with. */
export const GPT2_DEVIATION = 0.02

/** A folder with a random GPT-2 of this shape under bench/.cache, made when it is not there yet. */
export function cachedGpt2(shape: Gpt2Shape, seed = 0): string {
  const { layers, hidden, heads, vocab, positions } = shape
  const folder = join(PACKAGE_FOLDER, 'bench', '.cache', `gpt2-${layers}x${hidden}-h${heads}-v${vocab}-p${positions}-s${seed}`)
  if (existsSync(join(folder, 'model.onnx'))) return folder
  const unfinished = `${folder}.${process.pid}`
  writeGpt2(unfinished, shape, seed)
  rmSync(folder, { recursive: true, force: true })
  renameSync(unfinished, folder)
  return folder
}

/** Writes config.json, model.onnx and, beside it, its float32 weights: N(0, deviation²), around 1 for the scales of normalisations. */
export function writeGpt2(folder: string, shape: Gpt2Shape, seed = 0, deviation = GPT2_DEVIATION): void {
  mkdirSync(folder, { recursive: true })
  const random = new RandomNormal(seed)
  const weights = writeWeights(join(folder, WEIGHTS_FILE), shape, (part, mean) => random.fill(part, mean, deviation))
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(configOf(shape), null, 2)}\n`)
  writeFileSync(join(folder, 'model.onnx'), writeOnnx(gpt2Graph(shape, weights)))
}

function writeWeights(path: string, shape: Gpt2Shape, draw: (part: Float32Array, mean: number) => void): Initializer[] {
  const file = openSync(path, 'w')
  const chunk = new Float32Array(CHUNK_FLOATS)
  let offset = 0
  try {
    return gpt2Weights(shape).map(({ name, dims, mean }) => {
      const count = dims.reduce((product, dim) => product * dim, 1)
      const start = Math.ceil(offset / ALIGNMENT) * ALIGNMENT
      for (let done = 0; done < count; done += CHUNK_FLOATS) {
        const part = chunk.subarray(0, Math.min(CHUNK_FLOATS, count - done))
        draw(part, mean)
        writeAll(file, new Uint8Array(part.buffer, 0, part.byteLength), start + 4 * done)
      }
      offset = start + 4 * count
      return { name, dims, dataType: FLOAT, location: WEIGHTS_FILE, value: { offset: start, length: 4 * count } }
    })
  } finally {
    closeSync(file)
  }
}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written, bytes.length - written, position + written)
}

/** As transformers writes a GPT2Config. */
function configOf({ layers, hidden, heads, vocab, positions }: Gpt2Shape): object {
  return {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    n_layer: layers,
    n_embd: hidden,
    n_head: heads,
    n_positions: positions,
    vocab_size: vocab,
    bos_token_id: vocab - 1,
    eos_token_id: vocab - 1,
    tie_word_embeddings: true
  }
}
