/**
 * A process that multiplies float32 matrices in the bare runtime: `THREADS KxN,KxN,... [KxN,...]`, one graph per list.
 * It answers each line `{"seconds": S}` with the GFLOP/s of each list, measured for S seconds.
 */
import { InferenceSession, Tensor } from '../../src/engine/process/onnxruntime.ts'
import { buildInt64, buildNode, buildTensor } from '../../src/model/onnx/build-node.ts'
import { FLOAT } from '../../src/model/onnx/data-types.ts'
import type { Graph, Initializer, OnnxNode } from '../../src/model/onnx/graph.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'
import { RandomNormal } from '../models/random-normal.ts'
import { answerLines } from './answer-lines.ts'

/** Rows of the left matrix. */
const M = 512
const [threads = '1', ...lists] = process.argv.slice(2)
const random = new RandomNormal(1)
const runs: ((seconds: number) => Promise<number>)[] = []
for (const list of lists) runs.push(await multiplier(list.split(',').map((shape) => shape.split('x').map(Number) as [number, number])))

await answerLines<{ readonly seconds: number }>('matrices', async ({ seconds }) => {
  const gflops: number[] = []
  for (const run of runs) gflops.push(await run(seconds))
  return { gflops }
})

async function multiplier(shapes: readonly (readonly [number, number])[]): Promise<(seconds: number) => Promise<number>> {
  const session = await InferenceSession.create(writeOnnx(graphOf(shapes)), {
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    enableMemPattern: false,
    logSeverityLevel: 4
  })
  const feeds = Object.fromEntries([...new Set(shapes.map(([K]) => K))].map((K) => [`x${K}`, new Tensor('float32', normals(M * K), [M, K])]))
  const flops = shapes.reduce((sum, [K, N]) => sum + 2 * M * K * N, 0)
  await session.run(feeds)
  return async (seconds) => {
    const began = performance.now()
    let passes = 0
    do {
      await session.run(feeds)
      passes++
    } while (performance.now() - began < 1000 * seconds)
    return (passes * flops) / (1e6 * (performance.now() - began))
  }
}

/** One product per shape. Each outputs a single number, so that nothing is copied. */
function graphOf(shapes: readonly (readonly [number, number])[]): Graph {
  const weights = shapes.map(([K, N], i): Initializer => buildTensor(`w${i}`, [K, N], FLOAT, new Uint8Array(normals(K * N).buffer)))
  const nodes = shapes.flatMap(([K], i): OnnxNode[] => [
    buildNode('MatMul', [`x${K}`, `w${i}`], [`product${i}`]),
    buildNode('Slice', [`product${i}`, 'zeros', 'ones'], [`out${i}`])
  ])
  return {
    irVersion: 8,
    opsets: new Map([['', 17]]),
    functions: [],
    nodes,
    initializers: [...weights, buildInt64('zeros', [2], [0, 0]), buildInt64('ones', [2], [1, 1])],
    inputs: [...new Set(shapes.map(([K]) => K))].map((K) => ({ name: `x${K}`, elementType: FLOAT, shape: [M, K] })),
    outputs: shapes.map((_, i) => ({ name: `out${i}`, elementType: FLOAT, shape: [1, 1] }))
  }
}

function normals(count: number): Float32Array {
  const values = new Float32Array(count)
  random.fill(values, 0, 0.02)
  return values
}
