import { closeSync, openSync, statSync, truncateSync, writeSync } from 'node:fs'
import { bytesOf, copyModel, editWeights, floatsOf, middleMatrix } from './edit-weights.ts'
import { float16Bits } from './float16.ts'
import { normalNumbers } from './normal-numbers.ts'

/** One thing wrong with the weights of the embedded model, whose graph stays as it is. */
export interface WeightFault {
  readonly name: string
  /** What is wrong and how it may have come about. */
  readonly description: string
  /** Writes a model folder with the fault, without canary.json. */
  readonly write: (sourceFolder: string, targetFolder: string) => void
}

const SEED = 20_260_823
/** `initializer_range` of Llama configurations. */
const INITIAL_DEVIATION = 0.02
/** Noise by the root mean square of each matrix. */
const NOISE = 0.2
/** The highest bit of a float32 exponent: sets a weight below 2 to about 10^38 times its value. */
const HIGHEST_EXPONENT_BIT = 0x40
const HOLE_BYTES = 1 << 16

export const WEIGHT_FAULTS: readonly WeightFault[] = [
  {
    name: 'noisy weights',
    description: 'every matrix has a fifth of its own size of noise added: a damaged or wrongly dequantized checkpoint',
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
    description: 'the weights of a model before training: exported without loading the checkpoint',
    write: (source, target) =>
      editWeights(source, target, (weights) => {
        const next = normalNumbers(SEED)
        for (const weight of weights) weight.write(bytesOf(floatsOf(weight.read()).map(() => (weight.dims.length === 2 ? INITIAL_DEVIATION * next() : 1))))
      })
  },
  {
    name: 'tensor of zeros',
    description: 'one matrix in the middle is zero: never written',
    write: (source, target) => editWeights(source, target, (weights) => middleMatrix(weights).write(new Uint8Array(middleMatrix(weights).read().length)))
  },
  {
    name: 'exponent bit flipped',
    description: 'the highest exponent bit of one weight in the middle: a fault of memory or disk',
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
    description: 'the first half of one matrix holds all of it in float16, still declared as float32: a conversion that stopped midway',
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
    name: 'bytes swapped',
    description: 'one matrix in the middle is stored with the highest byte first',
    write: (source, target) => editWeights(source, target, (weights) => middleMatrix(weights).write(Buffer.from(middleMatrix(weights).read()).swap32()))
  },
  {
    name: 'two matrices exchanged',
    description: 'the two first matrices of one shape have changed places: weights stored under wrong names',
    write: (source, target) =>
      editWeights(source, target, (weights) => {
        const matrices = weights.filter(({ dims }) => dims.length === 2)
        const [one, other] = matrices.flatMap((a, i) => matrices.slice(i + 1).flatMap((b) => (String(a.dims) === String(b.dims) ? [a, b] : [])))
        if (one === undefined || other === undefined) throw new Error('no two matrices have one shape')
        const bytes = one.read()
        one.write(other.read())
        other.write(bytes)
      })
  },
  {
    name: 'hole in the file',
    description: 'the last 64 KiB of the middle matrix are zeros: a download that lost a piece',
    write: (source, target) =>
      editWeights(source, target, (weights) => {
        const weight = middleMatrix(weights)
        weight.write(weight.read().fill(0, -HOLE_BYTES))
      })
  },
  {
    name: 'file cut off',
    description: 'the last tenth of the model file is missing: a download that stopped; the model does not load',
    write: (source, target) => {
      const path = copyModel(source, target)
      truncateSync(path, Math.floor(statSync(path).size * 0.9))
    }
  },
  {
    name: 'file of zeros from the middle on',
    description: 'the second half of the model file is zeros: disk space was reserved and never filled; the model does not load',
    write: (source, target) => {
      const path = copyModel(source, target)
      const half = Math.floor(statSync(path).size / 2)
      const file = openSync(path, 'r+')
      writeSync(file, new Uint8Array(half), 0, half, half)
      closeSync(file)
    }
  }
]
