import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { buildTensor } from '../../src/model/onnx/build-node.ts'
import { FLOAT, FLOAT16 } from '../../src/model/onnx/data-types.ts'
import type { Initializer } from '../../src/model/onnx/graph.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type Gpt2Format, type Gpt2Shape, type Gpt2Weight, gpt2Graph, gpt2Weights, Q4_BLOCK } from './gpt2-graph.ts'
import { halfFloats } from './half.ts'
import { RandomNormal } from './random-normal.ts'

const WEIGHTS_FILE = 'model.onnx_data'
/** Alignment at which a file can be mapped. */
const ALIGNMENT = 4096
/** Count of values generated and written at once. */
const CHUNK_ELEMENTS = 1 << 20
/** TensorProto.DataType */
const UINT8 = 2
/** Standard deviation of GPT-2's initial weights. */
const GPT2_DEVIATION = 0.02

/** A folder under bench/.cache with a random GPT-2 of this shape, written on first use. */
export function cachedGpt2(shape: Gpt2Shape, seed = 0, format: Gpt2Format = 'fp32'): string {
  const { layers, hidden, heads, vocab, positions } = shape
  const folder = join(
    PACKAGE_FOLDER,
    'bench',
    '.cache',
    `gpt2-${layers}x${hidden}-h${heads}-v${vocab}-p${positions}-s${seed}${format === 'fp32' ? '' : `-${format}`}`
  )
  if (existsSync(join(folder, 'model.onnx'))) return folder
  const unfinished = `${folder}.${process.pid}`
  writeGpt2(unfinished, shape, seed, GPT2_DEVIATION, format)
  rmSync(folder, { recursive: true, force: true })
  renameSync(unfinished, folder)
  return folder
}

/**
 * Writes config.json, model.onnx and, unless they are inline, a file of weights. They are N(0, deviation²), or around 1
 * for the scales of normalizations. 4-bit weights are uniform.
 */
export function writeGpt2(folder: string, shape: Gpt2Shape, seed = 0, deviation = GPT2_DEVIATION, format: Gpt2Format = 'fp32'): void {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, WEIGHTS_FILE)
  const weights = writeWeights(path, storedWeights(shape, format), new RandomNormal(seed), deviation)
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(configOf(shape), null, 2)}\n`)
  writeFileSync(join(folder, 'model.onnx'), writeOnnx(gpt2Graph(shape, format === 'inline' ? inlined(path, weights) : weights, format)))
  if (format === 'inline') rmSync(path)
}

interface StoredWeight extends Gpt2Weight {
  readonly dataType: number
}

function storedWeights(shape: Gpt2Shape, format: Gpt2Format): StoredWeight[] {
  const weights = gpt2Weights(shape).map((weight) => ({ ...weight, dataType: format === 'fp16' ? FLOAT16 : FLOAT }))
  if (format !== 'q4') return weights
  const isLinear = ({ name, dims }: StoredWeight): boolean => dims.length === 2 && !/\.w[tp]e\./.test(name)
  const head = { name: 'lm_head.weight', dims: [shape.hidden, shape.vocab], mean: 0, dataType: FLOAT }
  return [...weights, head].flatMap((weight) => (isLinear(weight) ? quantized(weight) : [weight]))
}

/** A matrix (K, N) in the layout of MatMulNBits: N rows of K/32 blocks of 16 bytes, and one scale per block. */
function quantized({ name, dims: [K = 0, N = 0] }: StoredWeight): StoredWeight[] {
  const blocks = Math.ceil(K / Q4_BLOCK)
  return [
    { name: `${name}_q4`, dims: [N, blocks, Q4_BLOCK / 2], mean: 0, dataType: UINT8 },
    { name: `${name}_scales`, dims: [N * blocks], mean: 0, dataType: FLOAT }
  ]
}

function writeWeights(path: string, weights: readonly StoredWeight[], random: RandomNormal, deviation: number): Initializer[] {
  const file = openSync(path, 'w')
  let offset = 0
  try {
    return weights.map(({ name, dims, mean, dataType }) => {
      const count = dims.reduce((product, dim) => product * dim, 1)
      const start = Math.ceil(offset / ALIGNMENT) * ALIGNMENT
      offset = start
      for (let done = 0; done < count; done += CHUNK_ELEMENTS) {
        const bytes = drawn(Math.min(CHUNK_ELEMENTS, count - done), dataType, random, mean, deviation)
        writeAll(file, bytes, offset)
        offset += bytes.length
      }
      return { name, dims, dataType, location: WEIGHTS_FILE, value: { offset: start, length: offset - start } }
    })
  } finally {
    closeSync(file)
  }
}

function drawn(count: number, dataType: number, random: RandomNormal, mean: number, deviation: number): Uint8Array {
  if (dataType === UINT8) return Uint8Array.from({ length: count }, () => random.integer(256))
  const floats = new Float32Array(count)
  random.fill(floats, mean, deviation)
  return new Uint8Array(dataType === FLOAT16 ? halfFloats(floats).buffer : floats.buffer)
}

/** The same weights with their bytes in the graph. */
function inlined(path: string, weights: readonly Initializer[]): Initializer[] {
  const bytes = readFileSync(path)
  return weights.map(({ name, dims, dataType, value }) => {
    if (value instanceof Uint8Array) throw new Error(`${name} lies in the graph already`)
    return buildTensor(name, dims, dataType, bytes.subarray(value.offset, value.offset + value.length))
  })
}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written, bytes.length - written, position + written)
}

/** The JSON of transformers' GPT2Config. */
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
