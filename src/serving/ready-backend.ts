import { basename } from 'node:path'
import { CompletionsEvaluator } from '../completions/evaluate.ts'
import type { EngineInfo } from '../engine/engine-info.ts'
import type { EnginePool } from '../engine/engine-pool.ts'
import { ServiceError } from '../errors.ts'
import type { EvaluationContext } from '../evaluation/evaluation-context.ts'
import { LogprobEvaluator } from '../evaluation/logprob-evaluator.ts'
import type { ServedModel } from '../http/served-models.ts'
import { LossEvaluator } from '../loss/evaluate.ts'
import type { KnownAnswers } from '../model/known-answers.ts'
import { textFilesOf, verifySums } from '../model/manifest.ts'
import { modelInfoOf, type OpenModel } from '../model/open-model.ts'
import { claimsFloat32 } from '../model/tolerances.ts'
import { combinedHash, type FileHash, hashNamedFiles } from '../model/weights/file-hashes.ts'
import { PerplexityEvaluator } from '../perplexity/evaluate.ts'
import { LOGPR_VERSION, ONNXRUNTIME_VERSION } from '../process/package-info.ts'
import type { ProviderChoice } from '../provider/choose-provider.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { type Check, verdictOf } from '../scoring/checks/check.ts'
import { tokenizerKnownAnswer } from '../tokenizer/self-test-texts.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** A model that is loaded and has passed its self-test. */
export interface ReadyBackend {
  readonly model: ServedModel
  readonly logprobEvaluator: LogprobEvaluator
  readonly lossEvaluator: LossEvaluator
  readonly completionsEvaluator: CompletionsEvaluator
  readonly perplexityEvaluator: PerplexityEvaluator
  /** The same for all evaluators. */
  readonly context: EvaluationContext
  /** Files that must not change while the service runs. */
  readonly modelPaths: readonly string[]
}

interface LoadingParts {
  readonly model: OpenModel
  /** Commit of the hub repository; null for a local folder. */
  readonly revision: string | null
  readonly provider: ProviderChoice
  readonly known: KnownAnswers | null
  readonly engine: EnginePool
  readonly tokenizer: Promise<Tokenizer>
  readonly scheduler: Scheduler
  readonly prefixTokenOf: (tokenizer: Tokenizer) => number | null
}

/**
 * Waits until all parts are loaded and checks that they belong together. Throws `model_invalid` with the reason when
 * they do not.
 */
export async function whenReady(parts: LoadingParts): Promise<ReadyBackend> {
  const { model, revision, provider, known, engine, scheduler } = parts
  const hashes = Promise.all([hashNamedFiles(model.files), hashNamedFiles(textFilesOf(model.folder))])
  // Awaited only after the tokenizer: a rejection before that must not end the process.
  hashes.catch(() => {})
  // The tokenizer is checked first: a wrong one also fails the engine's self-test, which could not name the cause.
  const tokenizer = await parts.tokenizer
  const tokenizerCheck = await checkTokenizer(tokenizer, model, known)
  const [info, [weights, textFiles]] = await Promise.all([engine.started(), hashes])
  const sums = await verifySums(model.folder, [...weights, ...textFiles])
  const modelSha256 = checkHash(weights, known)

  const modelPaths = model.files.map(({ path }) => path)
  engine.expectFiles(Object.fromEntries(weights.map(({ identity, sha256 }, i) => [modelPaths[i], { identity, sha256 }])))
  if (info.selfTest.causal === 'approximate') scheduler.disableBatching()
  const prefixTokenId = parts.prefixTokenOf(tokenizer)
  if (prefixTokenId !== null && prefixTokenId >= model.vocabSize)
    throw new ServiceError(
      'model_invalid',
      `the prefix token has id ${prefixTokenId}, but the model has only ${model.vocabSize} logits per token: set --prefix-token none`
    )
  const context: EvaluationContext = {
    tokenizer,
    vocabSize: model.vocabSize,
    maxModelLen: model.maxModelLen,
    prefixTokenId,
    toleranceNats: info.selfTest.toleranceNats,
    claimsFloat32: claimsFloat32(model.numerics),
    causal: info.selfTest.causal
  }
  return {
    context,
    modelPaths,
    logprobEvaluator: new LogprobEvaluator(context, scheduler),
    lossEvaluator: new LossEvaluator(context, scheduler),
    completionsEvaluator: new CompletionsEvaluator(context, scheduler),
    perplexityEvaluator: new PerplexityEvaluator(context, scheduler),
    model: {
      id: model.id,
      createdSeconds: Math.floor(Date.now() / 1000),
      architecture: model.architecture,
      revision,
      maxModelLen: model.maxModelLen,
      vocabSize: model.vocabSize,
      prefixTokenId,
      info: modelInfoOf(model),
      files: [...weights, ...textFiles, ...(sums === null ? [] : [sums])],
      engine: info,
      replicas: engine.replicas,
      executionProviderReason: provider.reason,
      selfTest: { ...info.selfTest, ...verdictOf([...info.selfTest.items, tokenizerCheck]) },
      stamp: stampOf(model, info, modelSha256, combinedHash(textFiles.filter(({ file }) => file === 'tokenizer.json')))
    }
  }
}

/** Compares the tokenizer with its known answers. Throws `model_invalid` when it does not belong to the model. */
async function checkTokenizer(tokenizer: Tokenizer, { vocabSize }: OpenModel, known: KnownAnswers | null): Promise<Check> {
  const { baseVocabSize } = tokenizer.info
  // Added tokens without a logit are common: the placeholder of images in a text-only model. Requests with one fail.
  if (baseVocabSize > vocabSize) {
    throw new ServiceError(
      'model_invalid',
      `the tokenizer has ids up to ${baseVocabSize - 1}, but the model has only ${vocabSize} logits per token, so they belong to different models: use the files of one download`
    )
  }
  const answer = await tokenizerKnownAnswer(tokenizer, known?.texts ?? [])
  if (answer.status === 'fail') throw new ServiceError('model_invalid', `the start-up self-test failed: [${answer.id}] ${answer.message}`)
  return answer
}

/** One SHA-256 over all weight files. Throws `model_invalid` when canary.json was made for other weights. */
function checkHash(weights: readonly FileHash[], known: KnownAnswers | null): string {
  // By base name, so that the hash does not depend on the layout of the folder.
  const sha256 = combinedHash(weights.map((hash) => ({ ...hash, file: basename(hash.file) })))
  if (known === null || known.modelSha256 === sha256) return sha256
  throw new ServiceError(
    'model_invalid',
    `canary.json was made for weights with SHA-256 ${known.modelSha256}, but the weights here have ${sha256}: use the files of one download, or remove canary.json`
  )
}

function stampOf(
  { dtype }: OpenModel,
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
