import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SelfTestReport } from '../../src/engine/engine-info.ts'
import type { Scorer } from '../../src/engine/process/self-test/passes.ts'
import { runSelfTest } from '../../src/engine/process/self-test/self-test.ts'
import type { SharingUnderTest } from '../../src/engine/process/self-test/sharing-checks.ts'
import type { LoadedModel } from '../../src/engine/process/session.ts'
import type { KnownAnswer } from '../../src/engine/protocol.ts'
import { serviceErrorFrom } from '../../src/errors.ts'
import type { EvaluationContext } from '../../src/evaluation/evaluation-context.ts'
import { LogprobEvaluator } from '../../src/evaluation/logprob-evaluator.ts'
import { type KnownAnswers, readKnownAnswers } from '../../src/model/known-answers.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import type { Check } from '../../src/scoring/checks/check.ts'
import { REQUEST_CHECKS } from '../../src/scoring/checks/request-checks.ts'
import { Canary } from '../../src/serving/canary.ts'
import { selfTestIds, tokenizerKnownAnswer } from '../../src/tokenizer/self-test-texts.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { InProcessEngine } from '../support/in-process-engine.ts'
import type { Fault } from './fault.ts'
import { EMBEDDED_FOLDER, load, sampleIds, specOf } from './measure.ts'
import { trialRequests } from './requests.ts'

/** Ids of the checks that did not pass, or error codes, by when they were found. */
export interface Findings {
  /** By the start-up self-test without the answers stored in canary.json. */
  readonly start: readonly string[]
  /** In addition with canary.json. */
  readonly known: readonly string[]
  readonly request: readonly string[]
  readonly deep: readonly string[]
  /** By the canary, when the fault occurs while serving. */
  readonly serving: readonly string[]
}

/** A model that supports every form of sharing. The faults themselves score the shared batches. */
const ALL_SHARED: SharingUnderTest = {
  info: { packing: { isOn: true, reason: null }, prefixCache: { isOn: true, reason: null }, longestRow: 512, attentionHeads: 8 },
  switchOff: () => {},
  clearCache: () => {}
}

const LIMITS = { maxBatchTokens: 2048, longTextTokens: 128, maxQueueTokens: 1_000_000 }

/** The parts of the healthy service, into which faults are planted. */
export interface Healthy {
  readonly model: LoadedModel
  readonly tokenizer: Tokenizer
  readonly context: EvaluationContext
  readonly selfTest: SelfTestReport
  readonly ids: readonly number[]
  readonly known: KnownAnswers
}

export async function healthyService(tokenizer: Tokenizer): Promise<Healthy> {
  const model = await load(EMBEDDED_FOLDER)
  const known = readKnownAnswers(EMBEDDED_FOLDER, 'fp32', 'cpu')
  if (known === null) throw new Error('the embedded model has no canary.json')
  const { vocabSize, claimsFloat32 } = specOf(EMBEDDED_FOLDER)
  const base = { tokenizer, vocabSize, maxModelLen: 512, prefixTokenId: tokenizer.info.beginId, claimsFloat32, causal: 'exact' as const, toleranceNats: 0 }
  const selfTest = await runSelfTest(model, specOf(EMBEDDED_FOLDER), {
    texts: await selfTestIds(tokenizer, base.prefixTokenId, 512),
    known: storedOf(known),
    isApproximate: false
  })
  return { model, tokenizer, context: { ...base, toleranceNats: selfTest.toleranceNats }, selfTest, ids: (await sampleIds()).slice(1), known }
}

/** Plants one fault and runs everything that could detect it. */
export async function tryFault(fault: Fault, healthy: Healthy): Promise<Findings> {
  const tokenizer = fault.tokenizer?.(healthy.tokenizer) ?? healthy.tokenizer
  const folder = mkdtempSync(join(tmpdir(), 'logpr-fault-'))
  let loaded: LoadedModel | null = null
  try {
    await fault.folder?.(EMBEDDED_FOLDER, folder)
    if (fault.folder !== undefined) loaded = await load(folder)
    const model = loaded ?? healthy.model
    const spec = specOf(fault.folder === undefined ? EMBEDDED_FOLDER : folder)
    const scorer = (): Scorer => fault.scorer?.(model) ?? model
    const context = { ...healthy.context, tokenizer }
    const planted = fault.context?.(context) ?? context
    const isApproximate = model.isApproximate
    const texts = await selfTestIds(tokenizer, planted.prefixTokenId, planted.maxModelLen)
    const trial = { texts, isApproximate, ...(fault.shares ? { sharing: ALL_SHARED } : {}) }
    const start = await selfTestFindings(() => runSelfTest(scorer(), spec, { ...trial, known: [] }))
    const known = await selfTestFindings(() => runSelfTest(scorer(), spec, { ...trial, known: storedOf(healthy.known) }))
    const tokens = await tokenizerKnownAnswer(tokenizer, healthy.known.texts)
    const serving = isApproximate ? { ...planted, causal: 'approximate' as const } : planted
    return {
      start,
      known: [...known, ...notPassed([tokens])].filter((id) => !start.includes(id)),
      request: await requestFindings(fault, scorer(), serving, healthy, 'standard'),
      deep: await requestFindings(fault, scorer(), serving, healthy, 'deep'),
      serving: await servingFindings(scorer(), healthy)
    }
  } catch (error) {
    const { code } = serviceErrorFrom(error)
    return { start: [`rejected: ${code}`], known: [], request: [], deep: [], serving: [] }
  } finally {
    await loaded?.release()
    rmSync(folder, { recursive: true, force: true })
  }
}

function storedOf({ texts }: KnownAnswers): KnownAnswer[] {
  return texts.map(({ ids, logProbs }) => ({ source: 'stored', ids, logProbs }))
}

async function selfTestFindings(run: () => Promise<SelfTestReport>): Promise<string[]> {
  try {
    return notPassed((await run()).items)
  } catch (error) {
    return unique([...serviceErrorFrom(error).message.matchAll(/\[([a-z_]+)\]/g)].map(([, id]) => id ?? ''))
  }
}

async function requestFindings(fault: Fault, scorer: Scorer, context: EvaluationContext, { ids }: Healthy, verify: 'standard' | 'deep'): Promise<string[]> {
  const { subject: change = (subject) => subject, requests = (asked) => asked } = fault
  const checks = REQUEST_CHECKS.map(
    (run): typeof run =>
      (subject) =>
        run(change(subject))
  )
  const evaluator = new LogprobEvaluator(context, new Scheduler(new InProcessEngine(scorer), LIMITS), checks)
  const found: string[] = []
  // Twice, because a fault may need an earlier request; all at once, because it may need other sequences in a batch.
  for (let round = 0; round < 2; round++) {
    const evaluations = await Promise.all(
      requests(trialRequests(ids)).map(({ items, options }) => evaluator.evaluate(items, { ...options, verify }, { signal: new AbortController().signal }))
    )
    for (const outcome of await Promise.all(evaluations.flatMap(({ outcomes }) => outcomes))) {
      if ('error' in outcome) found.push(CHECK_OF_ERROR[outcome.error.code] ?? `error: ${outcome.error.code}`)
      else found.push(...notPassed(outcome.checks.items), ...(outcome.causal === 'exact' ? [] : ['causal: approximate']))
    }
  }
  return unique(found)
}

async function servingFindings(scorer: Scorer, { selfTest }: Healthy): Promise<string[]> {
  let isWrong = false
  const onFailed = (error: unknown): never => {
    throw error
  }
  const canary = new Canary({ scheduler: { runNext: (batch) => scorer.score(batch) }, selfTest, onWrong: () => (isWrong = true), onFailed }, 0)
  for (const _ of selfTest.answers) await canary.run()
  return isWrong ? ['canary'] : []
}

/** Checks that never return a value. */
const CHECK_OF_ERROR: Readonly<Record<string, string>> = {
  token_out_of_range: 'token_range',
  non_finite_logits: 'finite',
  scores_mismatched: 'same_sequence',
  invalid_text: 'well_formed'
}

function notPassed(items: readonly Check[]): string[] {
  return unique(items.flatMap(({ id, status }) => (status === 'warn' || status === 'fail' ? [id] : [])))
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
