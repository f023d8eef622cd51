/**
 * The engine process: loads one model, tests it, then answers batches one at a time until its parent closes the channel.
 *
 *     front process -- load, self_test, score -->  main thread: IPC messages, session.run (blocks while it computes)
 *                   <--------- ready, scored ----  parent-watch thread: kills the process when the parent is gone
 */

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ServiceError, serviceErrorFrom } from '../../errors.ts'
import { assertSameContent, FileChangeDetector } from '../../model/weights/file-change-detector.ts'
import { lowerPriority } from '../../process/lower-priority.ts'
import { type EngineSpec, EXIT_MODEL_CHANGED, type FromEngine, type ToEngine, unreachable } from '../protocol.ts'
import { precisionReport } from './precision-report.ts'
import { runSelfTest } from './self-test/self-test.ts'
import { type LoadedModel, loadModel } from './session.ts'

interface Loaded {
  readonly spec: EngineSpec
  readonly loadMs: number
  readonly model: LoadedModel
}

let loading: Promise<Loaded> | undefined

function answer(message: FromEngine): void {
  process.send?.(message)
}

async function load(spec: EngineSpec): Promise<Loaded> {
  const began = performance.now()
  // Before the session has threads: they take after this one.
  lowerPriority(spec.niceness ?? 0)
  const guard = new FileChangeDetector(Object.keys(spec.expectedFiles))
  await assertSameContent(spec.expectedFiles)
  const model = await loadModel(spec)
  // What was loaded must be what was hashed.
  if (guard.changedFile() !== null) process.exit(EXIT_MODEL_CHANGED)
  return { spec, model, loadMs: performance.now() - began }
}

async function selfTest({ texts, known }: Extract<ToEngine, { kind: 'self_test' }>): Promise<void> {
  try {
    const { spec, model, loadMs } = await loaded()
    const report = await runSelfTest(model, spec, { texts, known, isApproximate: model.isApproximate, sharing: model.sharing })
    const precision = await precisionReport(spec, model, report)
    answer({
      kind: 'ready',
      info: {
        executionProvider: spec.executionProvider,
        threads: spec.threads,
        vocabSize: spec.vocabSize,
        nodeCounts: { original: model.original.nodes.length, scoring: model.scoring.nodes.length },
        loadMs,
        memory: model.memory,
        sharing: model.sharing.facts,
        ...(model.sharedWeights ? { prepackedWeights: model.sharedWeights } : {}),
        ...(precision === null ? {} : { precision }),
        selfTest: report
      }
    })
  } catch (error) {
    const { code, message, cause } = serviceErrorFrom(error)
    answer({ kind: 'load_failed', code, message: code === 'internal_error' ? `${message}: ${String(cause)}` : message })
  }
}

async function score({ batchId, batch }: Extract<ToEngine, { kind: 'score' }>): Promise<void> {
  try {
    const { model } = await loaded()
    const scores = await model.score(batch)
    // A score made while its weights changed must not leave this process; the parent runs the batch again on the next.
    if (model.guard.changedFile() !== null) process.exit(EXIT_MODEL_CHANGED)
    answer({ kind: 'scored', batchId, scores })
  } catch (error) {
    // Messages of onnxruntime name nodes and shapes, never text.
    answer({ kind: 'failed', batchId, code: 'internal_error', message: `the forward pass failed: ${error instanceof Error ? error.message : String(error)}` })
  }
}

function loaded(): Promise<Loaded> {
  return loading ?? Promise.reject(new ServiceError('internal_error', 'a message came before the model was loaded'))
}

// The front process decides when to stop; a terminal's Ctrl-C reaches both.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))
process.on('message', (message: ToEngine) => {
  switch (message.kind) {
    case 'load':
      loading = load(message.spec)
      // The self-test that follows meets the failure and tells it.
      loading.catch(() => {})
      return
    case 'self_test':
      return void selfTest(message)
    case 'score':
      return void score(message)
    default:
      return unreachable(message)
  }
})
new Worker(new URL(`./parent-watch${extname(import.meta.url)}`, import.meta.url)).unref()
