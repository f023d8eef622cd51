import { ServiceError } from '../../../errors.ts'
import { type Check, check, verdictOf } from '../../../scoring/checks/check.ts'
import { passDifference } from '../../../scoring/checks/pass-checks.ts'
import { calibratedTolerance, noiseOf } from '../../../scoring/noise.ts'
import type { SelfTestReport } from '../../engine-info.ts'
import type { EngineSpec, KnownAnswer, SelfTestTexts } from '../../protocol.ts'
import { firstLogProbs, runPasses, type Scorer, sequenceOf } from './passes.ts'
import { differencesOf, plainPassChecks } from './plain-pass-checks.ts'
import { type SharingUnderTest, sharingChecks } from './sharing-checks.ts'

interface SelfTestInput {
  readonly texts: SelfTestTexts
  readonly known: readonly KnownAnswer[]
  /** The graph quantizes activations over whole tensors. */
  readonly isApproximate: boolean
  /** Absent when the model does not support prefix sharing. */
  readonly sharing?: SharingUnderTest
}

/**
 * Scores texts in every way that the service will use, before the engine is ready. It measures how much the scores of
 * this model vary, derives the tolerance from that, compares with known answers, and warms up kernels and buffers.
 * Throws `model_invalid` with every failed check.
 */
export async function runSelfTest(untested: Scorer, spec: EngineSpec, { texts, known, isApproximate, sharing }: SelfTestInput): Promise<SelfTestReport> {
  const began = performance.now()
  const model = withModelErrors(untested)
  const { vocabSize } = spec
  const ceilingNats = isApproximate ? Math.max(spec.ceilingNats, spec.approximateCeilingNats) : spec.ceilingNats
  const passes = await runPasses(model, texts, vocabSize)
  const noise = noiseOf(Object.values(differencesOf(passes)).flatMap(({ all }) => all))
  const toleranceNats = isApproximate ? ceilingNats : calibratedTolerance(noise, ceilingNats)
  const answers = [{ ids: texts.natural, logProbs: [...firstLogProbs(passes.alone)] }]
  const checks = plainPassChecks(passes, { ceilingNats, isApproximate, vocabSize, claimsFloat32: spec.claimsFloat32 })
  checks.push(...(await sharingChecks(model, sharing ?? null, texts, toleranceNats)))
  const limits = {
    stored: { tokenNats: Math.max(ceilingNats, spec.storedCeilingNats ?? ceilingNats), meanNats: ceilingNats },
    repeated: { tokenNats: toleranceNats, meanNats: toleranceNats }
  }
  for (const answer of known) {
    // After a restart a text may have two known answers, the stored one and that of the first start; it is scored once.
    const scored = answers.find(({ ids }) => ids.join() === answer.ids.join())
    const logProbs = scored?.logProbs ?? [...firstLogProbs(await model.score({ sequences: [sequenceOf(answer.ids)], topCount: null }))]
    checks.push(knownAnswerCheck(answer, logProbs, limits[answer.source]))
    if (scored === undefined) answers.push({ ids: answer.ids, logProbs })
  }
  if (known.length === 0)
    checks.push(check('known_answer', 'skipped', 'these weights have no known answer; later starts and the canary are compared with this start'))

  const report = {
    ...verdictOf(checks),
    toleranceNats,
    ceilingNats,
    noise,
    causal: isApproximate ? ('approximate' as const) : ('exact' as const),
    answers,
    tookMs: performance.now() - began
  }
  const failed = report.items.filter(({ status }) => status === 'fail')
  if (failed.length > 0)
    throw new ServiceError('model_invalid', `the start-up self-test failed: ${failed.map(({ id, message }) => `[${id}] ${message}`).join(' ')}`)
  return report
}

/**
 * Turns an exception of a forward pass into `model_invalid`: the graph loads but cannot run, and onnxruntime's message
 * names the node.
 */
function withModelErrors(model: Scorer): Scorer {
  return {
    async score(batch) {
      try {
        return await model.score(batch)
      } catch (error) {
        if (error instanceof ServiceError) throw error
        const reason = error instanceof Error ? error.message : String(error)
        throw new ServiceError('model_invalid', `the start-up self-test failed: a forward pass failed with: ${reason}`, { cause: error })
      }
    }
  }
}

/** Largest allowed |difference| from a known answer, nats: of any one token, and on average over the text. */
interface KnownAnswerLimits {
  readonly tokenNats: number
  readonly meanNats: number
}

/** `value` is the largest |difference| of a token, nats, or the mean if only the mean is too large. */
function knownAnswerCheck({ source, logProbs: expected }: KnownAnswer, logProbs: readonly number[], { tokenNats, meanNats }: KnownAnswerLimits): Check {
  const { max, all } = passDifference(logProbs, expected)
  const mean = all.reduce((sum, difference) => sum + difference, 0) / all.length
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: tokenNats }
  const origin = source === 'stored' ? 'stored with the model' : 'of the first start of this service'
  if (!(max <= tokenNats)) return check('known_answer', 'fail', `a text differs by ${max} nats per token from the log-probabilities ${origin}`, finding)
  if (mean <= meanNats) return check('known_answer', 'pass', `a text has the log-probabilities ${origin}`, finding)
  const message = `a text differs by ${mean} nats per token on average, more than ${meanNats}, from the log-probabilities ${origin}`
  return check('known_answer', 'fail', message, { independent: true, value: mean, tolerance: meanNats })
}
