import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/options.ts'
import type { EngineLog } from '../engine/engine-options.ts'
import type { EnginePool } from '../engine/engine-pool.ts'
import type { EngineSpec } from '../engine/protocol.ts'
import { startEngines, threadPlan } from '../engine/start-engines.ts'
import { readKnownAnswers } from '../model/known-answers.ts'
import { type LocatedModel, locateOnlyFolder } from '../model/locate-model.ts'
import { modelInfoOf, type OpenModel, openModel } from '../model/open-model.ts'
import { type PrecisionPlan, resolvePrecision } from '../model/precision/precision-plan.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { APPROXIMATE_CEILING_NATS, claimsFloat32, storedCeilingNats, toleranceCeilingNats } from '../model/tolerances.ts'
import { activeTracing } from '../observability/tracing.ts'
import { memoryLimitBytes } from '../process/memory-limit.ts'
import { ONNXRUNTIME_VERSION } from '../process/package-info.ts'
import type { ProviderChoice } from '../provider/choose-provider.ts'
import { parityTokensOf } from '../scheduling/cost-model.ts'
import { Scheduler } from '../scheduling/scheduler.ts'
import { selfTestIds } from '../tokenizer/self-test-texts.ts'
import { SharedTokenizers } from '../tokenizer/threads/shared-tokenizers.ts'
import { tokenizerByLength } from '../tokenizer/threads/thread-tokenizer.ts'
import type { TextTokenizer, Tokenizer, TokenizerInfo } from '../tokenizer/tokenizer.ts'
import { tracedTextTokenizer, tracedTokenizer } from '../tokenizer/traced-tokenizer.ts'
import { wordStartIds } from '../tokenizer/word-starts.ts'
import type { MemoryLedger } from './memory-ledger.ts'
import { type ReadyBackend, whenReady } from './ready-backend.ts'

/**
 * The tokenizer, engines, scheduler and evaluators of one model. `logpr serve` and `logpr score` both score with it.
 */
export interface ScoringBackend {
  readonly engine: EnginePool
  readonly scheduler: Scheduler
  /** Whether a tokenizer thread has ended for good: it ended again soon after it was replaced. */
  tokenizerHasEnded(): boolean
  /** Largest number of tokens of a sequence. */
  readonly maxModelLen: number
  /**
   * The tokenizer for requests that only need ids. Its second thread, which takes short texts, starts on the first
   * call. Does not wait for the engine. Rejects with `model_invalid`.
   */
  textTokenizer(): Promise<TextTokenizer>
  /** Resolves when the self-test has passed. Rejects with the reason why the model cannot be served. */
  readonly ready: Promise<ReadyBackend>
  close(): Promise<void>
}

/** Facts about a start that the configuration does not contain. */
export interface BackendOptions {
  /** By default the only model of the configuration. */
  readonly located?: LocatedModel
  readonly provider?: ProviderChoice
  /** Number of models in this service. */
  readonly models?: number
  /** Cache folder of rounded weights; by default the one in the user's cache folder. */
  readonly precisionFolder?: string
  /** The tokenizers of this service; by default of this model alone. */
  readonly tokenizers?: SharedTokenizers
  /** Refuses the model when those before it leave too little memory; absent for a single model. */
  readonly memoryLedger?: MemoryLedger
}

/**
 * Starts to load a model and returns at once. Throws `model_invalid` or `model_unsupported` when it cannot be scored,
 * and `model_too_large` when other models leave too little memory.
 */
export function startBackend(config: Config, log: EngineLog, options: BackendOptions = {}): ScoringBackend {
  const { located = locateOnlyFolder(config.MODEL), provider = configuredProvider(config) } = options
  const opened = { ...openModel(located.folder, { dtype: config.DTYPE, maxModelLen: config.MAX_MODEL_LEN }), id: located.id }
  const { model, plan } = resolvePrecision(opened, config.PRECISION, provider.executionProvider)
  log.info(modelInfoOf(model), 'model chosen')
  if (provider.executionProvider === 'cpu') options.memoryLedger?.reserve(model, plan, config)
  // canary.json describes the files on disk, so it is looked up by their dtype. Of a model with rounded weights it can
  // check only the tokenizer and the hash of the weights.
  const known = readKnownAnswers(model.folder, opened.dtype, provider.executionProvider)

  let tokenizerHasEnded = false
  const onTokenizerEnd = (): void => {
    tokenizerHasEnded = true
  }
  const tracing = activeTracing()
  const tokenizers = options.tokenizers ?? new SharedTokenizers()
  const untraced = tokenizers.start(model.folder, onTokenizerEnd, {
    niceness: config.ENGINE_NICENESS,
    maxUnits: config.MAX_TOKENIZING_UNITS,
    chatTemplate: config.CHAT_TEMPLATE
  })
  const tokenizer = tracing === null ? untraced : untraced.then((started) => tracedTokenizer(started, tracing))
  let textTokenizer: Promise<TextTokenizer> | undefined

  tokenizer.then(
    ({ info }) => warnOfTokenizer(info, log),
    () => {
      // `ready` rejects with the same reason.
    }
  )
  const texts = tokenizer.then(async (started) => ({
    ...(await selfTestIds(started, prefixTokenOf(config, started), model.maxModelLen)),
    wordStartIds: await wordStartIds(started)
  }))
  const stored = (plan === null ? (known?.texts ?? []) : []).map(({ ids, logProbs }) => ({ source: 'stored' as const, ids, logProbs }))
  const engine = startEngines(
    config.REPLICAS,
    engineSpec(config, model, plan, provider.executionProvider, options),
    { texts, stored },
    {
      log,
      batchTimeoutMs: config.BATCH_TIMEOUT_MS,
      heartbeatTimeoutMs: config.HEARTBEAT_TIMEOUT_MS,
      startTimeoutMs: config.START_TIMEOUT_MS
    }
  )
  const hiddenSize = model.attentionHeads * model.headSize
  const scheduler = new Scheduler(engine, {
    maxBatchTokens: config.MAX_BATCH_TOKENS,
    longTextTokens: config.LONG_TEXT_TOKENS,
    maxQueueTokens: config.MAX_QUEUE_TOKENS,
    maxAttentionBytes: config.MAX_ATTENTION_BYTES,
    resultCacheBytes: config.RESULT_CACHE_BYTES,
    slots: config.REPLICAS,
    ...(hiddenSize > 0 ? { parityTokens: parityTokensOf(hiddenSize) } : {})
  })
  const ready = whenReady({
    model,
    revision: located.revision,
    provider,
    known,
    engine,
    tokenizer,
    scheduler,
    prefixTokenOf: (started) => prefixTokenOf(config, started)
  })
  // A failure before anyone awaits `ready` would end the process as an unhandled rejection, without the reason.
  ready.catch(() => {})

  return {
    engine,
    scheduler,
    tokenizerHasEnded: () => tokenizerHasEnded,
    ready,
    maxModelLen: model.maxModelLen,
    textTokenizer() {
      textTokenizer ??= Promise.all([
        tokenizers.startText(model.folder, onTokenizerEnd, { maxUnits: config.MAX_TOKENIZING_UNITS, chatTemplate: config.CHAT_TEMPLATE }),
        untraced
      ]).then(([short, long]) => {
        const byLength = tokenizerByLength(short, long)
        return tracing === null ? byLength : tracedTextTokenizer(byLength, tracing)
      })
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

function engineSpec(
  config: Config,
  model: OpenModel,
  plan: PrecisionPlan | null,
  executionProvider: EngineSpec['executionProvider'],
  options: BackendOptions
): EngineSpec {
  return {
    onnxPath: model.onnxPath,
    modelFolder: model.folder,
    // Resolved once: a restart must load the same files even when a link has been pointed elsewhere since.
    realPaths: Object.fromEntries(model.files.map(({ file, path }) => [file, path])),
    executionProvider,
    ceilingNats: toleranceCeilingNats(model.numerics, executionProvider),
    storedCeilingNats: storedCeilingNats(model.numerics, executionProvider),
    approximateCeilingNats: APPROXIMATE_CEILING_NATS,
    claimsFloat32: claimsFloat32(model.numerics),
    expectedFiles: {},
    niceness: config.ENGINE_NICENESS,
    ...threadPlan(config.THREADS, { models: options.models ?? 1, replicas: config.REPLICAS }),
    replicas: config.REPLICAS,
    ...prepackedWeights(config, executionProvider),
    vocabSize: model.vocabSize,
    headSize: model.headSize,
    keyValueHeads: model.keyValueHeads,
    sharing: {
      packing: config.PACKING,
      prefixCacheBytes: config.PREFIX_CACHE_BYTES,
      maxAttentionBytes: config.MAX_ATTENTION_BYTES,
      slidingWindow: model.slidingWindow,
      heads: model.attentionHeads
    },
    ...(plan === null ? {} : { precision: { form: plan.form, folder: options.precisionFolder ?? precisionFolder({}) } }),
    // On a GPU the weights are in device memory, which logpr does not predict.
    ...(executionProvider === 'cpu'
      ? {
          memory: {
            maxModelLen: model.maxModelLen,
            maxBatchTokens: config.MAX_BATCH_TOKENS,
            longTextTokens: config.LONG_TEXT_TOKENS,
            limitBytes: memoryLimitBytes()
          }
        }
      : {})
  }
}

/** Prepacked weights are mapped by all engines of a model. They do not help a single engine, nor engines on a GPU. */
function prepackedWeights({ REPLICAS, PREPARED_FOLDER }: Config, executionProvider: EngineSpec['executionProvider']): Pick<EngineSpec, 'prepacked'> {
  if (REPLICAS === 1 || PREPARED_FOLDER === 'off' || executionProvider !== 'cpu') return {}
  const folder = PREPARED_FOLDER === '' ? join(tmpdir(), `logpr-prepared-${userInfo().uid}`) : PREPARED_FOLDER
  return { prepacked: { folder, runtimeVersion: ONNXRUNTIME_VERSION } }
}

/** For callers that have not looked for a GPU: `auto` means the CPU. */
function configuredProvider({ EXECUTION_PROVIDER }: Config): ProviderChoice {
  return { executionProvider: EXECUTION_PROVIDER === 'cuda' ? 'cuda' : 'cpu', reason: 'asked for' }
}

function prefixTokenOf({ PREFIX_TOKEN }: Config, { info }: Tokenizer): number | null {
  if (PREFIX_TOKEN === 'none') return null
  return PREFIX_TOKEN === 'eos' ? info.endId : info.beginId
}

/** Names once, at the start, which requests will be refused, and where ids differ from what a user may expect. */
function warnOfTokenizer({ chatTemplateFault, endIdNote, transformersNotes }: TokenizerInfo, log: EngineLog): void {
  if (endIdNote !== null) log.warn({}, endIdNote)
  for (const { message } of transformersNotes) log.warn({}, message)
  if (chatTemplateFault !== null) log.warn({}, `requests with messages will be rejected: ${chatTemplateFault}`)
}
