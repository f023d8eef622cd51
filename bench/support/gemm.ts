import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ModelCost } from '../models/bench-model.ts'
import { startLineProcess } from './line-process.ts'

/** Measures the rate of this machine's matrix products. */
export interface Gemm {
  /** GFLOP/s of products 512 x 2048 x 2048, and of the products of the model's layers. */
  measure(): Promise<{ readonly peak: number; readonly ownShapes: number }>
  close(): Promise<void>
}

const SECONDS = 0.4
/** Several products per run, so that its overhead is small. */
const PEAK_SHAPES = Array.from({ length: 4 }, () => '2048x2048')

export async function startGemm(threads: number, { bodyWeights, layers, hidden: H }: ModelCost): Promise<Gemm> {
  // A square attention matrix, and the rest of a layer's weights as the two matrices of an MLP.
  const inner = Math.round((bodyWeights / layers - H * H) / (2 * H))
  const own = Array.from({ length: 2 }, () => [`${H}x${H}`, `${H}x${inner}`, `${inner}x${H}`]).flat()
  const script = fileURLToPath(new URL(`./gemm-process${extname(import.meta.url)}`, import.meta.url))
  const child = await startLineProcess(process.execPath, [script, String(threads), PEAK_SHAPES.join(), own.join()])
  return {
    async measure() {
      const { gflops } = await child.ask<{ gflops: [number, number] }>({ seconds: SECONDS })
      return { peak: gflops[0], ownShapes: gflops[1] }
    },
    close: () => child.close()
  }
}
