import { ServiceError } from '../../../errors.ts'
import { type Check, check, verdictOf } from '../../../scoring/checks/check.ts'
import { passDifference } from '../../../scoring/checks/pass-checks.ts'
import { calibratedTolerance, noiseOf } from '../../../scoring/noise.ts'
import type { SelfTestReport } from '../../engine-info.ts'
import type { EngineSpec, KnownAnswer, SelfTestTexts } from '../../protocol.ts'
import { differencesOf, findings } from './findings.ts'
import { firstLogProbs, runPasses, type Scorer, sequenceOf } from './passes.ts'
import { type SharingUnderTest, trySharing } from './sharing.ts'

interface Trial {
  readonly texts: SelfTestTexts
  readonly known: readonly KnownAnswer[]
  /** Activations are quantized over whole tensors (found in the graph). */
  readonly isApproximate: boolean
  /** What the model shares between sequences; absent where nothing can be shared. */
  readonly sharing?: SharingUnderTest
}

/**
 * Scores texts in all the ways in which the service will, before the engine says that it is ready: it measures how much
 * this model's numbers vary, derives its tolerance from that, and compares with known answers. Also warms up kernels and
 * buffers. Throws `model_invalid` with every condition that does not hold.
 */
export async function runSelfTest(untested: Scorer, spec: EngineSpec, { texts, known, isApproximate, sharing }: Trial): Promise<SelfTestReport> {
  const began = performance.now()
  const model = namingFailures(untested)
  const { vocabSize } = spec
  const ceilingNats = isApproximate ? Math.max(spec.ceilingNats, spec.approximateCeilingNats) : spec.ceilingNats
  const passes = await runPasses(model, texts, vocabSize)
  const noise = noiseOf(Object.values(differencesOf(passes)).flatMap(({ all }) => all))
  const toleranceNats = isApproximate ? ceilingNats : calibratedTolerance(noise, ceilingNats)
  const answers = [{ ids: texts.natural, logProbs: [...firstLogProbs(passes.alone)] }]
  const checks = findings(passes, { ceilingNats, isApproximate, vocabSize, claimsFloat32: spec.claimsFloat32 })
  checks.push(...(await trySharing(model, sharing ?? null, texts, toleranceNats)))
  const limits = {
    stored: { tokenNats: Math.max(ceilingNats, spec.storedCeilingNats ?? ceilingNats), meanNats: ceilingNats },
    repeated: { tokenNats: toleranceNats, meanNats: toleranceNats }
  }
  for (const answer of known) {
    // After a restart a text may be known twice: as stored, and from the first start.
    const scored = answers.find(({ ids }) => ids.join() === answer.ids.join())
    const logProbs = scored?.logProbs ?? [...firstLogProbs(await model.score({ sequences: [sequenceOf(answer.ids)], topCount: null }))]
    checks.push(knownAnswerCheck(answer, logProbs, limits[answer.source]))
    if (scored === undefined) answers.push({ ids: answer.ids, logProbs })
  }
  if (known.length === 0)
    checks.push(check('known_answer', 'skipped', 'no answer is known for these weights: later starts and the canary are compared with this one'))

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

/** A graph may load and not run: then the model is at fault, and the runtime's message, which names nodes and shapes, says where. */
function namingFailures(model: Scorer): Scorer {
  return {
    async score(batch) {
      try {
        return await model.score(batch)
      } catch (error) {
        if (error instanceof ServiceError) throw error
        const reason = error instanceof Error ? error.message : String(error)
        throw new ServiceError('model_invalid', `the start-up self-test failed: a forward pass ended with: ${reason}`, { cause: error })
      }
    }
  }
}

/** How far a text may be from a known answer, nats: its furthest token, and the mean of all. */
export interface KnownAnswerLimits {
  readonly tokenNats: number
  readonly meanNats: number
}

/** `value` is the largest |difference| of a token, nats, or the mean where that is too large alone. */
export function knownAnswerCheck({ source, logProbs: expected }: KnownAnswer, logProbs: readonly number[], { tokenNats, meanNats }: KnownAnswerLimits): Check {
  const { max, all } = passDifference(logProbs, expected)
  const mean = all.reduce((sum, difference) => sum + difference, 0) / all.length
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: tokenNats }
  const what = source === 'stored' ? 'stored with the model' : 'of the first start of this service'
  if (!(max <= tokenNats)) return check('known_answer', 'fail', `a text differs by ${max} nats a token from the log-probabilities ${what}`, finding)
  if (mean <= meanNats) return check('known_answer', 'pass', `a text has the log-probabilities ${what}`, finding)
  const message = `a text differs by ${mean} nats a token in the mean, more than ${meanNats}, from the log-probabilities ${what}`
  return check('known_answer', 'fail', message, { independent: true, value: mean, tolerance: meanNats })
}
