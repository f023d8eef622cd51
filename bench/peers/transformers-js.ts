/**
 * transformers.js as a peer: `MODEL_FOLDER THREADS`. It returns all logits; JavaScript takes the log-softmax of the
 * scored rows.
 */
import '../../src/process/no-telemetry.ts'

import { basename, dirname } from 'node:path'
import { AutoModelForCausalLM, env, Tensor } from '@huggingface/transformers'
import { answerLines } from '../support/answer-lines.ts'
import type { Item } from '../workloads/item.ts'

const [folder = '', threads = '1'] = process.argv.slice(2)
env.allowRemoteModels = false
env.localModelPath = dirname(folder)
const model = await AutoModelForCausalLM.from_pretrained(basename(folder), {
  dtype: 'fp32',
  device: 'cpu',
  local_files_only: true,
  // The model is beside config.json, not in a folder onnx/.
  subfolder: '',
  session_options: { intraOpNumThreads: Number(threads), interOpNumThreads: 1 }
})

await answerLines<{ readonly items: readonly Item[] }>(`transformers.js ${env.version}`, async ({ items }) => {
  const began = performance.now()
  const sums: number[] = []
  for (const item of items) sums.push(await sumOf(item))
  return { seconds: (performance.now() - began) / 1000, sums }
})

async function sumOf({ context, continuation }: Item): Promise<number> {
  const fed = [...context, ...continuation.slice(0, -1)]
  const shape = [1, fed.length]
  const output = (await model({
    input_ids: new Tensor('int64', BigInt64Array.from(fed, BigInt), shape),
    attention_mask: new Tensor('int64', new BigInt64Array(fed.length).fill(1n), shape)
  })) as { readonly logits: Tensor }
  const vocabSize = output.logits.dims[2] ?? 0
  const logits = output.logits.data as Float32Array
  return continuation.reduce((sum, id, i) => sum + logProbOf(logits, (context.length - 1 + i) * vocabSize, vocabSize, id), 0)
}

function logProbOf(logits: Float32Array, start: number, vocabSize: number, id: number): number {
  const end = start + vocabSize
  let highest = Number.NEGATIVE_INFINITY
  for (let v = start; v < end; v++) highest = Math.max(highest, logits[v]!)
  let sum = 0
  for (let v = start; v < end; v++) sum += Math.exp(logits[v]! - highest)
  return logits[start + id]! - highest - Math.log(sum)
}
