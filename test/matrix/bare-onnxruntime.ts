import { halfTensor } from '../../src/engine/process/half-tensor.ts'
import { InferenceSession, Tensor } from '../../src/engine/process/onnxruntime.ts'
import { numbersOf } from '../support/half-numbers.ts'
import type { LogProbs } from './oracle.ts'

type Input = InferenceSession.TensorValueMetadata

/**
 * Scores texts with bare onnxruntime on this processor and the original model file: each text alone and without its
 * last token, on one thread, full logits, log-softmax in float64. The only code of logpr that it uses is the array type
 * of float16 tensors. `headSize` is for graphs in which the last dimension of the caches is symbolic.
 */
export async function bareLogProbs(onnxPath: string, texts: readonly (readonly number[])[], headSize: number): Promise<LogProbs> {
  const session = await InferenceSession.create(onnxPath, {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    // Uses signed 8-bit weights as unsigned ones, which no processor saturates
    // (docs/reference/numerics-across-processors.md).
    extra: { session: { x64quantprecision: '1' } }
  })
  try {
    const logitsName = session.outputNames.find((name) => name.includes('logits'))
    if (logitsName === undefined) throw new Error(`${onnxPath} has no output for logits`)
    const found: number[][] = []
    for (const ids of texts) {
      const inputs = session.inputMetadata.filter((input) => input.isTensor)
      const feeds = Object.fromEntries(inputs.map((input) => [input.name, feedOf(input, ids.slice(0, -1), headSize)]))
      const { [logitsName]: logits } = await session.run(feeds, [logitsName])
      found.push(logProbsOf(numbersOf(logits!), logits!.dims.at(-1)!, ids.slice(1)))
    }
    return found
  } finally {
    await session.release()
  }
}

/** An input for a single text: an empty past, a mask of ones, positions from 0. */
function feedOf({ name, type, shape }: Input, ids: readonly number[], headSize: number): Tensor {
  const integers = (values: readonly number[], dims: readonly number[]): Tensor =>
    type === 'int32' ? new Tensor('int32', Int32Array.from(values), dims) : new Tensor('int64', BigInt64Array.from(values, BigInt), dims)
  const row = [1, ids.length]
  if (name === 'input_ids') return integers(ids, row)
  if (name === 'attention_mask') return integers(Array<number>(ids.length).fill(1), row)
  if (name === 'position_ids') return integers([...ids.keys()], row)
  if (name === 'use_cache_branch') return new Tensor('bool', [false], [1])
  if (name === 'num_logits_to_keep') return integers([0], [])
  const [, heads, , size] = shape
  if (shape.length !== 4 || typeof heads !== 'number') throw new Error(`the input ${name} is not a cache of shape (1, heads, length, size)`)
  const dims = [1, heads, 0, typeof size === 'number' ? size : headSize]
  return type === 'float16' ? halfTensor(new Uint16Array(0), dims) : new Tensor('float32', new Float32Array(0), dims)
}

/** Rows of V logits to the log-probability of each row's target, nats. */
function logProbsOf(logits: readonly number[], V: number, targets: readonly number[]): number[] {
  return targets.map((target, i) => {
    const row = logits.slice(i * V, (i + 1) * V)
    const highest = row.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY)
    const sum = row.reduce((total, logit) => total + Math.exp(logit - highest), 0)
    return (row[target] ?? Number.NaN) - highest - Math.log(sum)
  })
}
