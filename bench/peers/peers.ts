import { existsSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import type { BenchModel } from '../models/bench-model.ts'
import { type LineProcess, startLineProcess } from '../support/line-process.ts'
import type { Contestant, Scored, Skipped } from './contestant.ts'

/** Batch sizes of `hf`; the best one is compared. */
export const HF_BATCH_SIZES = [1, 8, 16]
export const HF = 'lm-eval hf'
export const ONNXRUNTIME = 'onnxruntime, Python'
export const TRANSFORMERS_JS = 'transformers.js'

/** All contestants that can run here; the others are reported with the reason. */
export async function startPeers(model: BenchModel, threads: number): Promise<{ contestants: Contestant[]; skipped: Skipped[] }> {
  const contestants: Contestant[] = []
  const skipped: Skipped[] = []
  const join = async (name: string, start: () => Promise<Contestant[]>): Promise<void> => {
    try {
      contestants.push(...(await start()))
    } catch (error) {
      skipped.push({ name, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  await join(HF, async () => hfOf(await startPython('hf.py', model, threads)))
  await join(ONNXRUNTIME, async () => [contestantOf(ONNXRUNTIME, await startPython('onnxruntime_logits.py', model, threads))])
  await join(TRANSFORMERS_JS, async () => {
    const script = fileURLToPath(new URL(`./transformers-js${extname(import.meta.url)}`, import.meta.url))
    return [contestantOf(TRANSFORMERS_JS, await startLineProcess(process.execPath, [script, model.folder, String(threads)]))]
  })
  return { contestants, skipped }
}

function startPython(script: string, { folder }: BenchModel, threads: number): Promise<LineProcess> {
  const named = process.env.LOGPR_BENCH_PYTHON
  const python = named ?? join(PACKAGE_FOLDER, '.venv-bench', 'bin', 'python')
  if (named === undefined && !existsSync(python)) throw new Error('there is no .venv-bench and no LOGPR_BENCH_PYTHON; see bench/peers/README.md')
  const offline = { HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false', OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) }
  return startLineProcess(python, [join(PACKAGE_FOLDER, 'bench', 'peers', script), folder, String(threads)], offline)
}

/** One process for all batch sizes; closing the first contestant ends it. */
function hfOf(child: LineProcess): Contestant[] {
  return HF_BATCH_SIZES.map((batchSize) => contestantOf(`${HF}, batch ${batchSize}`, child, { batch_size: batchSize }))
}

function contestantOf(name: string, child: LineProcess, settings: object = {}): Contestant {
  return {
    name,
    versions: child.ready,
    isSlow: true,
    score: (items) => child.ask<Scored>({ items, ...settings }),
    close: () => child.close()
  }
}
