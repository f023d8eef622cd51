/**
 * Entry of the engine process: loads one model, runs the self-test, then scores one batch at a time until its parent
 * closes the channel.
 *
 *     front process -- load, self_test, score -->  main thread: IPC messages, session.run (blocks while it computes)
 *                   <--------- ready, scored ----
 *                   <-------- one byte a second --  watch thread: heartbeat; kills the process if its parent ended
 */

import { ServiceError, serviceErrorFrom } from '../../errors.ts'
import { assertSameContent, FileChangeDetector } from '../../model/weights/file-change-detector.ts'
import { lowerPriority } from '../../process/lower-priority.ts'
import { type EngineSpec, EXIT_MODEL_CHANGED, type FromEngine, type ToEngine, unreachable } from '../protocol.ts'
import { precisionReport } from './precision-report.ts'
import { Progress } from './progress.ts'
import { runSelfTest } from './self-test/self-test.ts'
import { type LoadedModel, loadModel } from './session.ts'

interface Loaded {
  readonly spec: EngineSpec
  readonly loadMs: number
  readonly model: LoadedModel
}

let loading: Promise<Loaded> | undefined
const progress = new Progress()

function answer(message: FromEngine): void {
  process.send?.(message)
}

async function load(spec: EngineSpec): Promise<Loaded> {
  const began = performance.now()
  // Before the session starts threads, which inherit the priority.
  lowerPriority(spec.niceness ?? 0)
  const changeDetector = new FileChangeDetector(Object.keys(spec.expectedFiles))
  await assertSameContent(spec.expectedFiles)
  const model = await loadModel(spec)
  // A file that changed while it was loaded is not the one whose hash was checked.
  if (changeDetector.changedFile() !== null) process.exit(EXIT_MODEL_CHANGED)
  return { spec, model, loadMs: performance.now() - began }
}

async function selfTest({ texts, known }: Extract<ToEngine, { kind: 'self_test' }>): Promise<void> {
  try {
    const { spec, model, loadMs } = await loaded()
    if (texts.wordStartIds !== undefined) model.setWordStarts(texts.wordStartIds)
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
        sharing: model.sharing.info,
        ...(model.prepackedWeights ? { prepackedWeights: model.prepackedWeights } : {}),
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
    // Scores computed while the weights changed must not leave this process. The parent runs the batch again on the
    // next one.
    if (model.changeDetector.changedFile() !== null) process.exit(EXIT_MODEL_CHANGED)
    answer({ kind: 'scored', batchId, scores })
  } catch (error) {
    // onnxruntime's messages name nodes and shapes, never text of a request.
    answer({ kind: 'failed', batchId, code: 'internal_error', message: `the forward pass failed: ${error instanceof Error ? error.message : String(error)}` })
  }
}

function loaded(): Promise<Loaded> {
  return loading ?? Promise.reject(new ServiceError('internal_error', 'the engine process received self_test or score before load'))
}

// The front process decides when to stop; Ctrl-C in a terminal signals both processes. Without a listener, SIGUSR1
// would open the inspector of Node.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGUSR1'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))
process.on('message', (message: ToEngine) => {
  switch (message.kind) {
    case 'load':
      progress.watch(message.heartbeat)
      loading = progress.during(() => load(message.spec))
      // The self_test message that follows reports the failure.
      loading.catch(() => {})
      return
    case 'self_test':
      return void progress.during(() => selfTest(message))
    case 'score':
      return void progress.during(() => score(message))
    default:
      return unreachable(message)
  }
})
