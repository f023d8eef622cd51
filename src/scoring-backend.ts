import { realpathSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Config } from './config/options.ts'
import { type EngineLog, ProcessEngine } from './engine/process-engine.ts'
import type { EngineSpec } from './engine/protocol.ts'
import { memoryLimitBytes } from './memory/limit.ts'
import { readKnownAnswers } from './model/known-answers.ts'
import { openModelFolder } from './model/model-folder.ts'
import { APPROXIMATE_CEILING_NATS, claimsFloat32, toleranceCeilingNats } from './model/tolerances.ts'
import { PACKAGE_FOLDER } from './package-info.ts'
import { type ReadyBackend, whenReady } from './ready-backend.ts'
import { Scheduler } from './scheduling/scheduler.ts'
import { selfTestIds } from './tokenizer/self-test-texts.ts'
import { startTokenizer } from './tokenizer/thread-tokenizer.ts'
import type { Tokenizer } from './tokenizer/tokenizer.ts'

const EMBEDDED_MODEL = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/** Tokenizer, engine, scheduler and evaluator of one model: what scores, with or without HTTP in front. */
export interface ScoringBackend {
  readonly engine: ProcessEngine
  readonly scheduler: Scheduler
  /** A thread that ends takes no work any more; only a new start of the service helps. */
  tokenizerHasEnded(): boolean
  /** Resolves when the engine has given its known answer. Rejects with the reason why the model cannot be served. */
  readonly ready: Promise<ReadyBackend>
  close(): Promise<void>
}

/** Begins to load the model; nothing waits. Throws `model_invalid` when its folder is not one. */
export function startBackend(config: Config, log: EngineLog): ScoringBackend {
  const folder = openModelFolder(config.MODEL === '' ? EMBEDDED_MODEL : config.MODEL, config.DTYPE)
  const executionProvider = config.EXECUTION_PROVIDER === 'cuda' ? 'cuda' : 'cpu'
  const spec: EngineSpec = {
    // A link that is pointed elsewhere later must not change what a restart loads.
    onnxPath: realpathSync(folder.onnxPath),
    executionProvider,
    ceilingNats: toleranceCeilingNats(folder.dtype, executionProvider),
    approximateCeilingNats: APPROXIMATE_CEILING_NATS,
    claimsFloat32: claimsFloat32(folder.dtype),
    expectedFiles: {},
    threads: config.THREADS === 0 ? availableParallelism() : config.THREADS,
    vocabSize: folder.vocabSize,
    // On a GPU the weights lie elsewhere, and nothing is predicted.
    ...(executionProvider === 'cpu'
      ? {
          memory: {
            maxModelLen: folder.maxModelLen,
            maxBatchTokens: config.MAX_BATCH_TOKENS,
            longTextTokens: config.LONG_TEXT_TOKENS,
            limitBytes: memoryLimitBytes()
          }
        }
      : {}),
    headSize: folder.headSize
  }
  const known = readKnownAnswers(folder.folder, folder.dtype, executionProvider)
  let tokenizerHasEnded = false
  const tokenizer = startTokenizer(folder.folder, () => {
    tokenizerHasEnded = true
  })
  const texts = tokenizer.then((started) => selfTestIds(started, prefixTokenOf(config, started), folder.maxModelLen))
  const stored = (known?.texts ?? []).map(({ ids, logProbs }) => ({ source: 'stored' as const, ids, logProbs }))
  const engine = new ProcessEngine(spec, { texts, stored }, { log, batchTimeoutMs: config.BATCH_TIMEOUT_MS, startTimeoutMs: config.START_TIMEOUT_MS })
  const scheduler = new Scheduler(engine, {
    maxBatchTokens: config.MAX_BATCH_TOKENS,
    longTextTokens: config.LONG_TEXT_TOKENS,
    maxQueueTokens: config.MAX_QUEUE_TOKENS
  })

  return {
    engine,
    scheduler,
    tokenizerHasEnded: () => tokenizerHasEnded,
    ready: whenReady({ folder, onnxPath: spec.onnxPath, known, engine, tokenizer, scheduler, prefixTokenOf: (started) => prefixTokenOf(config, started) }),
    async close() {
      await engine.close()
      await tokenizer.then(
        (started) => started.close(),
        () => {}
      )
    }
  }
}

function prefixTokenOf({ PREFIX_TOKEN }: Config, { facts }: Tokenizer): number | null {
  if (PREFIX_TOKEN === 'none') return null
  return PREFIX_TOKEN === 'eos' ? facts.endId : facts.beginId
}
