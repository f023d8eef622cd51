import { InferenceSession, Tensor } from 'onnxruntime-node'
import { halfTensor } from '../../src/engine/process/half-tensor.ts'
import { numbersOf } from '../support/half-numbers.ts'
import type { LogProbs } from './oracle.ts'

type Input = InferenceSession.TensorValueMetadata

/**
 * What bare onnxruntime gives the texts on this processor, from the file as its exporter wrote it: each text alone and without its last token,
 * on one thread, whole logits, log-softmax in float64. Of logpr it uses the array of float16 tensors alone. `headSize` is for graphs that
 * name the last dimension of their caches only by a symbol.
 */
export async function bareLogProbs(onnxPath: string, texts: readonly (readonly number[])[], headSize: number): Promise<LogProbs> {
  const session = await InferenceSession.create(onnxPath, {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    // Signed 8-bit weights as unsigned ones, which no processor saturates (docs/reference/numerics-across-processors.md).
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

/** One input of a single text: an empty past, all of the mask, positions from 0. */
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
  if (shape.length !== 4 || typeof heads !== 'number') throw new Error(`the input ${name} is no cache of (1, heads, length, size)`)
  const dims = [1, heads, 0, typeof size === 'number' ? size : headSize]
  return type === 'float16' ? halfTensor(new Uint16Array(0), dims) : new Tensor('float32', new Float32Array(0), dims)
}

/** Rows of V logits -> the log-probability of each target in its row, nats. */
function logProbsOf(logits: readonly number[], V: number, targets: readonly number[]): number[] {
  return targets.map((target, i) => {
    const row = logits.slice(i * V, (i + 1) * V)
    const highest = row.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY)
    const sum = row.reduce((total, logit) => total + Math.exp(logit - highest), 0)
    return (row[target] ?? Number.NaN) - highest - Math.log(sum)
  })
}
