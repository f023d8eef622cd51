import { basename } from 'node:path'
import { CompletionsEvaluator } from '../completions/evaluate.ts'
import type { EngineInfo } from '../engine/engine-info.ts'
import type { EnginePool } from '../engine/engine-pool.ts'
import { ServiceError } from '../errors.ts'
import { type EvaluationContext, LogprobEvaluator } from '../evaluation/item-evaluator.ts'
import type { ServedModel } from '../http/served-models.ts'
import { LossEvaluator } from '../loss/evaluate.ts'
import type { KnownAnswers } from '../model/known-answers.ts'
import { textFilesOf, verifySums } from '../model/manifest.ts'
import { modelInfoOf, type OpenModel } from '../model/open-model.ts'
import { claimsFloat32 } from '../model/tolerances.ts'
import { combinedHash, type FileHash, hashNamedFiles } from '../model/weights/file-hashes.ts'
import { LOGPR_VERSION, ONNXRUNTIME_VERSION } from '../process/package-info.ts'
import type { ProviderChoice } from '../provider/choose-provider.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { type Check, verdictOf } from '../scoring/checks/check.ts'
import { tokenizerKnownAnswer } from '../tokenizer/self-test-texts.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** What a model answers with once it is loaded and has passed its self-test. */
export interface ReadyBackend {
  readonly model: ServedModel
  readonly logprobEvaluator: LogprobEvaluator
  readonly lossEvaluator: LossEvaluator
  readonly completionsEvaluator: CompletionsEvaluator
  /** What the evaluators work with. */
  readonly context: EvaluationContext
  /** Files whose content must not change while the service runs. */
  readonly modelPaths: readonly string[]
}

/** The parts of a backend while they load. */
export interface Starting {
  readonly folder: OpenModel
  readonly revision: string | null
  readonly provider: ProviderChoice
  readonly known: KnownAnswers | null
  readonly engine: EnginePool
  readonly tokenizer: Promise<Tokenizer>
  readonly scheduler: Scheduler
  readonly prefixTokenOf: (tokenizer: Tokenizer) => number | null
}

/** Waits for all parts and for what they say of each other. Throws `model_invalid` with the reason why they cannot be trusted. */
export async function whenReady({ folder, revision, provider, known, engine, tokenizer: starting, scheduler, prefixTokenOf }: Starting): Promise<ReadyBackend> {
  const hashes = Promise.all([hashNamedFiles(folder.files), hashNamedFiles(textFilesOf(folder.folder))])
  // They are awaited only after the tokenizer.
  hashes.catch(() => {})
  // First what is known of the tokenizer: with a wrong one the engine's self-test fails too, and could not say why.
  const tokenizer = await starting
  const tokenizerCheck = await checkedTokenizer(tokenizer, folder, known)
  const [info, [weights, textFiles]] = await Promise.all([engine.started(), hashes])
  const sums = await verifySums(folder.folder, [...weights, ...textFiles])
  const modelSha256 = checkedHash(weights, known)

  const modelPaths = folder.files.map(({ path }) => path)
  engine.expectFiles(Object.fromEntries(weights.map(({ identity, sha256 }, i) => [modelPaths[i], { identity, sha256 }])))
  if (info.selfTest.causal === 'approximate') scheduler.disableBatching()
  const prefixTokenId = prefixTokenOf(tokenizer)
  const context: EvaluationContext = {
    tokenizer,
    vocabSize: folder.vocabSize,
    maxModelLen: folder.maxModelLen,
    prefixTokenId,
    toleranceNats: info.selfTest.toleranceNats,
    claimsFloat32: claimsFloat32(folder.numerics),
    causal: info.selfTest.causal
  }
  return {
    context,
    modelPaths,
    logprobEvaluator: new LogprobEvaluator(context, scheduler),
    lossEvaluator: new LossEvaluator(context, scheduler),
    completionsEvaluator: new CompletionsEvaluator(context, scheduler),
    model: {
      id: folder.id,
      createdSeconds: Math.floor(Date.now() / 1000),
      architecture: folder.architecture,
      revision,
      maxModelLen: folder.maxModelLen,
      vocabSize: folder.vocabSize,
      prefixTokenId,
      info: modelInfoOf(folder),
      files: [...weights, ...textFiles, ...(sums === null ? [] : [sums])],
      engine: info,
      replicas: engine.replicas,
      executionProviderReason: provider.reason,
      selfTest: { ...info.selfTest, ...verdictOf([...info.selfTest.items, tokenizerCheck]) },
      stamp: stampOf(folder, info, modelSha256, combinedHash(textFiles.filter(({ file }) => file === 'tokenizer.json')))
    }
  }
}

/** The tokenizer's known answers, for the report. Throws when it cannot belong to the model. */
async function checkedTokenizer(tokenizer: Tokenizer, { vocabSize }: OpenModel, known: KnownAnswers | null): Promise<Check> {
  if (tokenizer.info.vocabSize > vocabSize) {
    throw new ServiceError(
      'model_invalid',
      `the tokenizer has ids up to ${tokenizer.info.vocabSize - 1}, the model only ${vocabSize} rows: they do not belong together; take both from one download`
    )
  }
  const answer = await tokenizerKnownAnswer(tokenizer, known?.texts ?? [])
  if (answer.status === 'fail') throw new ServiceError('model_invalid', `the start-up self-test failed: [${answer.id}] ${answer.message}`)
  return answer
}

/** One SHA-256 of all weight files. Throws when the known answers are those of other weights. */
function checkedHash(weights: readonly FileHash[], known: KnownAnswers | null): string {
  // By their names beside each other, wherever in the model folder they lie.
  const sha256 = combinedHash(weights.map((hash) => ({ ...hash, file: basename(hash.file) })))
  if (known === null || known.modelSha256 === sha256) return sha256
  throw new ServiceError(
    'model_invalid',
    `canary.json was made for weights with SHA-256 ${known.modelSha256}, those here have ${sha256}: take the files of one download, or remove canary.json`
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
