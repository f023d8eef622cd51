import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/options.ts'
import type { EnginePool } from '../engine/engine-pool.ts'
import type { EngineLog } from '../engine/process-engine.ts'
import type { EngineSpec } from '../engine/protocol.ts'
import { startEngines, threadPlan } from '../engine/start-engines.ts'
import { readKnownAnswers } from '../model/known-answers.ts'
import { type LocatedModel, locateOnlyFolder } from '../model/locate-model.ts'
import { modelInfoOf, openModel } from '../model/open-model.ts'
import { resolvePrecision } from '../model/precision/precision-plan.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { APPROXIMATE_CEILING_NATS, claimsFloat32, storedCeilingNats, toleranceCeilingNats } from '../model/tolerances.ts'
import { memoryLimitBytes } from '../process/memory-limit.ts'
import { ONNXRUNTIME_VERSION } from '../process/package-info.ts'
import type { ProviderChoice } from '../provider/choose-provider.ts'
import { parityTokensOf } from '../scheduling/cost-model.ts'
import { Scheduler } from '../scheduling/scheduler.ts'
import { selfTestIds } from '../tokenizer/self-test-texts.ts'
import { startTextTokenizer, startTokenizer, tokenizerByLength } from '../tokenizer/thread-tokenizer.ts'
import type { TextTokenizer, Tokenizer } from '../tokenizer/tokenizer.ts'
import { type ReadyBackend, whenReady } from './ready-backend.ts'

/** Tokenizer, engine, scheduler and evaluator of one model: what scores, with or without HTTP in front. */
export interface ScoringBackend {
  readonly engine: EnginePool
  readonly scheduler: Scheduler
  /** A thread that ends takes no work any more; only a new start of the service helps. */
  tokenizerHasEnded(): boolean
  /** Most tokens of a sequence. */
  readonly maxModelLen: number
  /**
   * The model's tokenizer for those who ask for ids and not for scores, with a thread of its own for short texts that the
   * first call starts. Waits for no engine. Rejects with `model_invalid`.
   */
  textTokenizer(): Promise<TextTokenizer>
  /** Resolves when the engine has given its known answer. Rejects with the reason why the model cannot be served. */
  readonly ready: Promise<ReadyBackend>
  close(): Promise<void>
}

/** What the configuration alone does not say of a model that is started. */
export interface StartParts {
  /** The only model of the configuration when absent. */
  readonly located?: LocatedModel
  readonly provider?: ProviderChoice
  /** How many are served side by side in this service. */
  readonly models?: number
  /** Where rounded weights are kept; the user's cache folder when absent. */
  readonly precisionFolder?: string
}

/** Begins to load a model; nothing waits. Throws `model_invalid` or `model_unsupported` when it cannot be scored. */
export function startBackend(config: Config, log: EngineLog, parts: StartParts = {}): ScoringBackend {
  const { located = locateOnlyFolder(config.MODEL), provider = withoutChoice(config), models = 1 } = parts
  const { executionProvider } = provider
  const found = { ...openModel(located.folder, { dtype: config.DTYPE, maxModelLen: config.MAX_MODEL_LEN }), id: located.id }
  const { model: folder, plan: precision } = resolvePrecision(found, config.PRECISION, executionProvider)
  log.info(modelInfoOf(folder), 'model chosen')
  const spec: EngineSpec = {
    onnxPath: folder.onnxPath,
    modelFolder: folder.folder,
    // A link that is pointed elsewhere later must not change what a restart loads.
    realPaths: Object.fromEntries(folder.files.map(({ file, path }) => [file, path])),
    executionProvider,
    ceilingNats: toleranceCeilingNats(folder.numerics, executionProvider),
    storedCeilingNats: storedCeilingNats(folder.numerics, executionProvider),
    approximateCeilingNats: APPROXIMATE_CEILING_NATS,
    claimsFloat32: claimsFloat32(folder.numerics),
    expectedFiles: {},
    niceness: config.ENGINE_NICENESS,
    ...threadPlan(config.THREADS, { models, replicas: config.REPLICAS }),
    replicas: config.REPLICAS,
    ...prepackedIn(config, executionProvider),
    vocabSize: folder.vocabSize,
    headSize: folder.headSize,
    keyValueHeads: folder.keyValueHeads,
    sharing: {
      packing: config.PACKING,
      prefixCacheBytes: config.PREFIX_CACHE_BYTES,
      maxAttentionBytes: config.MAX_ATTENTION_BYTES,
      slidingWindow: folder.slidingWindow,
      heads: folder.attentionHeads
    },
    ...(precision === null ? {} : { precision: { form: precision.form, folder: parts.precisionFolder ?? precisionFolder({}) } }),
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
      : {})
  }
  // Of the files as they are: with rounded weights they tell of the tokenizer and of the weights' hash alone.
  const known = readKnownAnswers(folder.folder, found.dtype, executionProvider)
  let tokenizerHasEnded = false
  const onTokenizerEnd = (): void => {
    tokenizerHasEnded = true
  }
  const tokenizer = startTokenizer(folder.folder, onTokenizerEnd, config.ENGINE_NICENESS)
  let textTokenizer: Promise<TextTokenizer> | undefined
  const texts = tokenizer.then((started) => selfTestIds(started, prefixTokenOf(config, started), folder.maxModelLen))
  const stored = (precision === null ? (known?.texts ?? []) : []).map(({ ids, logProbs }) => ({ source: 'stored' as const, ids, logProbs }))
  const engine = startEngines(
    config.REPLICAS,
    spec,
    { texts, stored },
    { log, batchTimeoutMs: config.BATCH_TIMEOUT_MS, startTimeoutMs: config.START_TIMEOUT_MS }
  )
  const scheduler = new Scheduler(engine, {
    maxBatchTokens: config.MAX_BATCH_TOKENS,
    longTextTokens: config.LONG_TEXT_TOKENS,
    maxQueueTokens: config.MAX_QUEUE_TOKENS,
    maxAttentionBytes: config.MAX_ATTENTION_BYTES,
    resultCacheBytes: config.RESULT_CACHE_BYTES,
    slots: config.REPLICAS,
    ...(folder.attentionHeads * folder.headSize > 0 ? { parityTokens: parityTokensOf(folder.attentionHeads * folder.headSize) } : {})
  })
  const ready = whenReady({
    folder,
    revision: located.revision,
    provider,
    known,
    engine,
    tokenizer,
    scheduler,
    prefixTokenOf: (started) => prefixTokenOf(config, started)
  })
  // It may fail before anyone waits for it, which must not end the process without the reason.
  ready.catch(() => {})

  return {
    engine,
    scheduler,
    tokenizerHasEnded: () => tokenizerHasEnded,
    ready,
    maxModelLen: folder.maxModelLen,
    textTokenizer() {
      textTokenizer ??= Promise.all([startTextTokenizer(folder.folder, onTokenizerEnd), tokenizer]).then(([short, long]) => tokenizerByLength(short, long))
      return textTokenizer
    },
    async close() {
      await engine.close()
      const threads: readonly (Promise<{ close(): Promise<void> }> | undefined)[] = [tokenizer, textTokenizer]
      await Promise.all(
        threads.map((thread) =>
          thread?.then(
            (started) => started.close(),
            () => {}
          )
        )
      )
    }
  }
}

/** Where engines share their weights. One engine has nobody to share with, and on a GPU nothing is mapped. */
function prepackedIn({ REPLICAS, PREPARED_FOLDER }: Config, executionProvider: EngineSpec['executionProvider']): Pick<EngineSpec, 'prepacked'> {
  if (REPLICAS === 1 || PREPARED_FOLDER === 'off' || executionProvider !== 'cpu') return {}
  const folder = PREPARED_FOLDER === '' ? join(tmpdir(), `logpr-prepared-${userInfo().uid}`) : PREPARED_FOLDER
  return { prepacked: { folder, runtimeVersion: ONNXRUNTIME_VERSION } }
}

/** For callers that looked for no GPU. */
function withoutChoice({ EXECUTION_PROVIDER }: Config): ProviderChoice {
  return { executionProvider: EXECUTION_PROVIDER === 'cuda' ? 'cuda' : 'cpu', reason: 'asked for' }
}

function prefixTokenOf({ PREFIX_TOKEN }: Config, { info }: Tokenizer): number | null {
  if (PREFIX_TOKEN === 'none') return null
  return PREFIX_TOKEN === 'eos' ? info.endId : info.beginId
}
