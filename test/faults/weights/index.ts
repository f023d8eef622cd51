import { closeSync, openSync, statSync, truncateSync, writeSync } from 'node:fs'
import { bytesOf, copyModel, editWeights, floatsOf, middleMatrix } from './edit-weights.ts'
import { float16Bits } from './float16.ts'
import { normalNumbers } from './normal-numbers.ts'

/** A fault in the weights of the embedded model; the graph is unchanged. */
export interface WeightFault {
  readonly name: string
  /** What is wrong and a possible cause. */
  readonly description: string
  /** Writes a model folder with the fault, without canary.json. */
  readonly write: (sourceFolder: string, targetFolder: string) => void
}

const SEED = 20_260_823
/** `initializer_range` of Llama configurations. */
const INITIAL_DEVIATION = 0.02
/** Noise relative to the root mean square of each matrix. */
const NOISE = 0.2
/** Highest bit of a float32 exponent; flipping it multiplies a weight below 2 by about 10^38. */
const HIGHEST_EXPONENT_BIT = 0x40
const HOLE_BYTES = 1 << 16

export const WEIGHT_FAULTS: readonly WeightFault[] = [
  {
    name: 'noisy weights',
    description: 'noise of a fifth of its own magnitude is added to every matrix: a damaged or wrongly dequantized checkpoint',
    write: (source, target) =>
      editWeights(source, target, (weights) => {
        const next = normalNumbers(SEED)
        for (const weight of weights.filter(({ dims }) => dims.length === 2)) {
          const values = floatsOf(weight.read())
          const size = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
          weight.write(bytesOf(values.map((value) => value + NOISE * size * next())))
        }
      })
  },
  {
    name: 'random weights',
    description: 'the weights are those of an untrained model: exported without loading the checkpoint',
    write: (source, target) =>
      editWeights(source, target, (weights) => {
        const next = normalNumbers(SEED)
        for (const weight of weights) weight.write(bytesOf(floatsOf(weight.read()).map(() => (weight.dims.length === 2 ? INITIAL_DEVIATION * next() : 1))))
      })
  },
  {
    name: 'zeroed tensor',
    description: 'one matrix in the middle is all zeros: it was never written',
    write: (source, target) => editWeights(source, target, (weights) => middleMatrix(weights).write(new Uint8Array(middleMatrix(weights).read().length)))
  },
  {
    name: 'flipped exponent bit',
    description: 'the highest exponent bit of one weight in the middle is flipped: a memory or disk error',
    write: (source, target) =>
      editWeights(source, target, (weights) => {
        const weight = middleMatrix(weights)
        const bytes = weight.read()
        bytes[3]! ^= HIGHEST_EXPONENT_BIT
        weight.write(bytes)
      })
  },
  {
    name: 'float16 read as float32',
    description: 'the first half of one matrix holds the whole matrix in float16 but is still declared float32: a conversion that stopped midway',
    write: (source, target) =>
      editWeights(source, target, (weights) => {
        const weight = middleMatrix(weights)
        const bytes = weight.read()
        const half = Uint16Array.from(floatsOf(weight.read()), float16Bits)
        bytes.set(new Uint8Array(half.buffer))
        weight.write(bytes)
      })
  },
  {
    name: 'swapped bytes',
    description: 'one matrix in the middle is stored in big-endian byte order',
    write: (source, target) => editWeights(source, target, (weights) => middleMatrix(weights).write(Buffer.from(middleMatrix(weights).read()).swap32()))
  },
  {
    name: 'two matrices swapped',
    description: 'the first two matrices of equal shape are swapped: weights stored under the wrong names',
    write: (source, target) =>
      editWeights(source, target, (weights) => {
        const matrices = weights.filter(({ dims }) => dims.length === 2)
        const [one, other] = matrices.flatMap((a, i) => matrices.slice(i + 1).flatMap((b) => (String(a.dims) === String(b.dims) ? [a, b] : [])))
        if (one === undefined || other === undefined) throw new Error('no two matrices have the same shape')
        const bytes = one.read()
        one.write(other.read())
        other.write(bytes)
      })
  },
  {
    name: 'hole in the file',
    description: 'the last 64 KiB of the middle matrix are zeros: a download that lost a part',
    write: (source, target) =>
      editWeights(source, target, (weights) => {
        const weight = middleMatrix(weights)
        weight.write(weight.read().fill(0, -HOLE_BYTES))
      })
  },
  {
    name: 'truncated file',
    description: 'the last tenth of the model file is missing: an interrupted download; the model does not load',
    write: (source, target) => {
      const path = copyModel(source, target)
      truncateSync(path, Math.floor(statSync(path).size * 0.9))
    }
  },
  {
    name: 'second half of the file zeroed',
    description: 'the second half of the model file is zeros: disk space that was reserved but never written; the model does not load',
    write: (source, target) => {
      const path = copyModel(source, target)
      const half = Math.floor(statSync(path).size / 2)
      const file = openSync(path, 'r+')
      writeSync(file, new Uint8Array(half), 0, half, half)
      closeSync(file)
    }
  }
]
