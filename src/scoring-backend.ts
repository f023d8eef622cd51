import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import type { Config } from './config/options.ts'
import type { EngineInfo } from './engine/engine.ts'
import { type EngineLog, ProcessEngine } from './engine/process-engine.ts'
import type { EngineSpec, KnownAnswer } from './engine/protocol.ts'
import { ServiceError } from './errors.ts'
import type { EncodingContext } from './logprob/draft.ts'
import { LogprobEvaluator } from './logprob/evaluate.ts'
import { LossEvaluator } from './loss/evaluate.ts'
import { combinedHash, hashFiles } from './model/file-hashes.ts'
import { type ModelFolder, openModelFolder } from './model/model-folder.ts'
import { toleranceNats } from './model/tolerances.ts'
import { LOGPR_VERSION, ONNXRUNTIME_VERSION, PACKAGE_FOLDER } from './package-info.ts'
import { Scheduler } from './scheduling/scheduler.ts'
import type { ServedModel } from './served-model.ts'
import { startTokenizer } from './tokenizer/thread-tokenizer.ts'
import type { Tokenizer } from './tokenizer/tokenizer.ts'

const EMBEDDED_MODEL = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/** What a model answers with once it is loaded. */
export interface LoadedModel {
  readonly model: ServedModel
  readonly evaluator: LogprobEvaluator
  readonly lossEvaluator: LossEvaluator
}

/** Tokenizer, engine, scheduler and evaluator of one model: what scores, with or without HTTP in front. */
export interface ScoringBackend {
  readonly engine: ProcessEngine
  readonly scheduler: Scheduler
  /** A thread that ends takes no work any more; only a new start of the service helps. */
  tokenizerHasEnded(): boolean
  /** Resolves when the engine has given its known answer. Rejects with the reason why the model cannot be served. */
  readonly ready: Promise<LoadedModel>
  close(): Promise<void>
}

/** Begins to load the model; nothing waits. Throws `model_invalid` when its folder is not one. */
export function startBackend(config: Config, log: EngineLog): ScoringBackend {
  const folder = openModelFolder(config.MODEL === '' ? EMBEDDED_MODEL : config.MODEL, config.DTYPE)
  const executionProvider = config.EXECUTION_PROVIDER === 'cuda' ? 'cuda' : 'cpu'
  const spec: EngineSpec = {
    onnxPath: folder.onnxPath,
    executionProvider,
    toleranceNats: toleranceNats(folder.dtype, executionProvider),
    threads: config.THREADS === 0 ? availableParallelism() : config.THREADS,
    vocabSize: folder.vocabSize,
    headSize: folder.headSize,
    prefixTokenId: declaredBeginId(folder)
  }
  const stored: KnownAnswer | null = folder.canary === null ? null : { source: 'stored', ...folder.canary }
  const engine = new ProcessEngine(spec, stored, { log, batchTimeoutMs: config.BATCH_TIMEOUT_MS, startTimeoutMs: config.START_TIMEOUT_MS })
  let tokenizerHasEnded = false
  const tokenizer = startTokenizer(folder.folder, () => {
    tokenizerHasEnded = true
  })
  const scheduler = new Scheduler(engine, {
    maxBatchTokens: config.MAX_BATCH_TOKENS,
    longTextTokens: config.LONG_TEXT_TOKENS,
    maxQueueTokens: config.MAX_QUEUE_TOKENS
  })

  return {
    engine,
    scheduler,
    tokenizerHasEnded: () => tokenizerHasEnded,
    ready: whenReady(config, folder, engine, tokenizer, scheduler),
    async close() {
      await engine.close()
      await tokenizer.then(
        (started) => started.close(),
        () => {}
      )
    }
  }
}

async function whenReady(config: Config, folder: ModelFolder, engine: ProcessEngine, starting: Promise<Tokenizer>, scheduler: Scheduler): Promise<LoadedModel> {
  const [tokenizer, info, modelFiles, tokenizerFiles] = await Promise.all([
    starting,
    engine.started(),
    hashFiles([folder.onnxPath]),
    hashFiles([join(folder.folder, 'tokenizer.json')])
  ])
  if (tokenizer.facts.vocabSize > folder.vocabSize) {
    throw new ServiceError(
      'model_invalid',
      `the tokenizer has ids up to ${tokenizer.facts.vocabSize - 1}, the model only ${folder.vocabSize} rows: they do not belong together`
    )
  }
  const weightFiles = await hashFiles(info.weightFiles.map((file) => join(dirname(folder.onnxPath), file)))
  const prefixTokenId = prefixTokenOf(config, tokenizer)
  const context: EncodingContext = {
    tokenizer,
    vocabSize: folder.vocabSize,
    maxModelLen: folder.maxModelLen,
    prefixTokenId,
    toleranceNats: toleranceNats(folder.dtype, engine.executionProvider)
  }
  return {
    evaluator: new LogprobEvaluator(context, scheduler),
    lossEvaluator: new LossEvaluator(context, scheduler),
    model: {
      id: folder.id,
      createdSeconds: Math.floor(Date.now() / 1000),
      architecture: folder.architecture,
      maxModelLen: folder.maxModelLen,
      vocabSize: folder.vocabSize,
      prefixTokenId,
      files: [...modelFiles, ...weightFiles, ...tokenizerFiles],
      engine: info,
      stamp: stampOf(folder, info, combinedHash([...modelFiles, ...weightFiles]), combinedHash(tokenizerFiles))
    }
  }
}

function stampOf({ dtype }: ModelFolder, { executionProvider, threads }: EngineInfo, modelSha256: string, tokenizerSha256: string): ServedModel['stamp'] {
  return {
    model_sha256: modelSha256,
    tokenizer_sha256: tokenizerSha256,
    dtype,
    execution_provider: executionProvider,
    threads,
    onnxruntime: ONNXRUNTIME_VERSION,
    logpr: LOGPR_VERSION
  }
}

function prefixTokenOf({ PREFIX_TOKEN }: Config, { facts }: Tokenizer): number | null {
  if (PREFIX_TOKEN === 'none') return null
  return PREFIX_TOKEN === 'eos' ? facts.endId : facts.beginId
}

/** For the canary alone, which must not wait for the tokenizer. */
function declaredBeginId({ folder }: ModelFolder): number | null {
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { bos_token_id?: unknown }
  return typeof config.bos_token_id === 'number' ? config.bos_token_id : null
}
