import { realpathSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Config } from './config/options.ts'
import type { EngineInfo } from './engine/engine.ts'
import { type EngineLog, ProcessEngine } from './engine/process-engine.ts'
import type { EngineSpec } from './engine/protocol.ts'
import { ServiceError } from './errors.ts'
import { type EvaluationContext, LogprobEvaluator } from './logprob/evaluate.ts'
import { LossEvaluator } from './loss/evaluate.ts'
import { combinedHash, hashFiles } from './model/file-hashes.ts'
import { type KnownAnswers, readKnownAnswers } from './model/known-answers.ts'
import { type ModelFolder, openModelFolder } from './model/model-folder.ts'
import { APPROXIMATE_CEILING_NATS, claimsFloat32, toleranceCeilingNats } from './model/tolerances.ts'
import { LOGPR_VERSION, ONNXRUNTIME_VERSION, PACKAGE_FOLDER } from './package-info.ts'
import { Scheduler } from './scheduling/scheduler.ts'
import { verdictOf } from './scoring/checks/check.ts'
import type { ServedModel } from './served-model.ts'
import { selfTestIds, tokenizerKnownAnswer } from './tokenizer/self-test-texts.ts'
import { startTokenizer } from './tokenizer/thread-tokenizer.ts'
import type { Tokenizer } from './tokenizer/tokenizer.ts'

const EMBEDDED_MODEL = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/** What a model answers with once it is loaded. */
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

export interface ReadyBackend {
  readonly model: ServedModel
  readonly evaluator: LogprobEvaluator
  readonly lossEvaluator: LossEvaluator
  /** What the evaluators work with. */
  readonly context: EvaluationContext
  /** Files whose content must not change while the service runs. */
  readonly modelPaths: readonly string[]
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
    expectedHashes: {},
    threads: config.THREADS === 0 ? availableParallelism() : config.THREADS,
    vocabSize: folder.vocabSize,
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
    ready: whenReady({ config, folder, onnxPath: spec.onnxPath, known, engine, tokenizer, scheduler }),
    async close() {
      await engine.close()
      await tokenizer.then(
        (started) => started.close(),
        () => {}
      )
    }
  }
}

interface Starting {
  readonly config: Config
  readonly folder: ModelFolder
  /** Of the file itself, should the folder hold a link to it. */
  readonly onnxPath: string
  readonly known: KnownAnswers | null
  readonly engine: ProcessEngine
  readonly tokenizer: Promise<Tokenizer>
  readonly scheduler: Scheduler
}

async function whenReady(starting: Starting): Promise<ReadyBackend> {
  const { config, folder, onnxPath, known, engine, scheduler } = starting
  const hashes = Promise.all([hashFiles([onnxPath]), hashFiles([join(folder.folder, 'tokenizer.json')])])
  // They are awaited only after the tokenizer.
  hashes.catch(() => {})
  // First what is known of the tokenizer: with a wrong one the engine's self-test fails too, and could not say why.
  const tokenizer = await starting.tokenizer
  if (tokenizer.facts.vocabSize > folder.vocabSize) {
    throw new ServiceError(
      'model_invalid',
      `the tokenizer has ids up to ${tokenizer.facts.vocabSize - 1}, the model only ${folder.vocabSize} rows: they do not belong together`
    )
  }
  const tokenizerCheck = await tokenizerKnownAnswer(tokenizer, known?.texts ?? [])
  if (tokenizerCheck.status === 'fail')
    throw new ServiceError('model_invalid', `the start-up self-test failed: [${tokenizerCheck.id}] ${tokenizerCheck.message}`)
  const [info, [realFiles, tokenizerFiles]] = await Promise.all([engine.started(), hashes])
  // A blob in a cache has another name than the file that links to it.
  const modelFiles = realFiles.map((hash) => ({ ...hash, file: basename(folder.onnxPath) }))
  const weightPaths = info.weightFiles.map((file) => join(dirname(onnxPath), file))
  const weightFiles = await hashFiles(weightPaths)
  const modelSha256 = combinedHash([...modelFiles, ...weightFiles])
  if (known !== null && known.modelSha256 !== modelSha256) {
    throw new ServiceError(
      'model_invalid',
      `canary.json was made for weights with SHA-256 ${known.modelSha256}, those here have ${modelSha256}: take the files of one download, or remove canary.json`
    )
  }
  const modelPaths = [onnxPath, ...weightPaths]
  engine.expectFiles(Object.fromEntries(modelPaths.map((path, i) => [path, [...modelFiles, ...weightFiles][i]?.sha256 ?? ''])))
  if (info.selfTest.causal === 'approximate') scheduler.keepApart()
  const prefixTokenId = prefixTokenOf(config, tokenizer)
  const context: EvaluationContext = {
    tokenizer,
    vocabSize: folder.vocabSize,
    maxModelLen: folder.maxModelLen,
    prefixTokenId,
    toleranceNats: info.selfTest.toleranceNats,
    claimsFloat32: claimsFloat32(folder.dtype),
    causal: info.selfTest.causal
  }
  return {
    context,
    modelPaths,
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
      selfTest: { ...info.selfTest, ...verdictOf([...info.selfTest.items, tokenizerCheck]) },
      stamp: stampOf(folder, info, modelSha256, combinedHash(tokenizerFiles))
    }
  }
}

function stampOf(
  { dtype }: ModelFolder,
  { executionProvider, threads, selfTest }: EngineInfo,
  modelSha256: string,
  tokenizerSha256: string
): ServedModel['stamp'] {
  return {
    model_sha256: modelSha256,
    tokenizer_sha256: tokenizerSha256,
    dtype,
    causal: selfTest.causal,
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
