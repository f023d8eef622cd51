/**
 * The engine process: loads one model, then answers batches one at a time until its parent closes the channel.
 *
 *     front process ---- load, score ---->  main thread: IPC messages, session.run (blocks while it computes)
 *                   <--- ready, scored ---  parent-watch thread: kills the process when the parent is gone
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { serviceErrorFrom } from '../../errors.ts'
import { type FromEngine, type ToEngine, unreachable } from '../protocol.ts'
import { runCanary } from './canary.ts'
import { type LoadedModel, loadModel } from './session.ts'

let model: LoadedModel | undefined

function answer(message: FromEngine): void {
  process.send?.(message)
}

async function load({ spec, canary }: Extract<ToEngine, { kind: 'load' }>): Promise<void> {
  const began = performance.now()
  try {
    model = await loadModel(spec)
    const report = await runCanary(model, spec, canary)
    answer({
      kind: 'ready',
      info: {
        executionProvider: spec.executionProvider,
        threads: spec.threads,
        vocabSize: spec.vocabSize,
        weightFiles: model.weightFiles,
        nodeCounts: { original: model.original.nodes.length, scoring: model.scoring.nodes.length },
        loadMs: performance.now() - began,
        canary: report
      }
    })
  } catch (error) {
    const { code, message, cause } = serviceErrorFrom(error)
    answer({ kind: 'load_failed', code, message: code === 'internal_error' ? `${message}: ${String(cause)}` : message })
  }
}

async function score({ batchId, batch }: Extract<ToEngine, { kind: 'score' }>): Promise<void> {
  try {
    if (model === undefined) throw new Error('a batch came before the model was loaded')
    answer({ kind: 'scored', batchId, scores: await model.score(batch) })
  } catch (error) {
    // Messages of onnxruntime name nodes and shapes, never text.
    answer({ kind: 'failed', batchId, code: 'internal_error', message: `the forward pass failed: ${error instanceof Error ? error.message : String(error)}` })
  }
}

// The front process decides when to stop; a terminal's Ctrl-C reaches both.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))
process.on('message', (message: ToEngine) => {
  switch (message.kind) {
    case 'load':
      return void load(message)
    case 'score':
      return void score(message)
    default:
      return unreachable(message)
  }
})
new Worker(new URL(`./parent-watch${extname(import.meta.url)}`, import.meta.url)).unref()
